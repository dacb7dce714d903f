"""What is read from a database that others write to: typed, bounded, finite, or not read at all."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from selfproof.archive.protocol import Sibling

LARGEST = 8 << 20
"""Bytes of one candidate's texts."""
MOST_FILES = 256
MOST_SCORES = 4096
OUTCOMES = frozenset({"raced", "equal", "worse", "slow", "invalid"})
_ID = re.compile(r"[0-9a-f]{64}")
_FORM = re.compile(r"[!-~]{1,128}")
_PROGRAM = re.compile(r"[0-9a-f]{32}")


def is_form(value: Any) -> bool:
    """Whether it can be the name of a normal form."""
    return isinstance(value, str) and _FORM.fullmatch(value) is not None


def is_program(value: Any) -> bool:
    """Whether it can be a program's name in an archive."""
    return isinstance(value, str) and _PROGRAM.fullmatch(value) is not None


def words(value: Any, most: int) -> str:
    """A text without control characters, cut; "" for anything else."""
    return "".join(ch if ch.isprintable() else " " for ch in value[:most]) if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A finite number, or None."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good and math.isfinite(value) else None


def count(value: Any) -> int:
    """A whole number that can be counted up to; 0 for anything else."""
    return value if type(value) is int and 0 <= value < 1 << 50 else 0


def outcome(value: Any) -> str | None:
    """What a race can have said."""
    return value if isinstance(value, str) and value in OUTCOMES else None


def parsed(text: Any, most: int = LARGEST) -> Any:
    """The JSON of a text that is not too long; None for anything else."""
    if not isinstance(text, str) or len(text) > most:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def files(text: Any) -> dict[str, str] | None:
    """Paths and texts, or None."""
    told = parsed(text)
    if not isinstance(told, dict) or len(told) > MOST_FILES:
        return None
    if not all(isinstance(body, str) and len(path) <= 400 for path, body in told.items()):
        return None
    try:
        "".join([*told, *told.values()]).encode()
    except UnicodeEncodeError:
        return None
    return told


def kins(text: Any) -> dict[str, str]:
    """Objectives and the names of their searches."""
    told = parsed(text, 1 << 20)
    found = told.items() if isinstance(told, dict) else ()
    return {name: kin for name, kin in found if isinstance(kin, str) and _ID.fullmatch(kin)}


def member(row: tuple[Any, ...]) -> dict[str, Any] | None:
    """A row of the best: id, files, operator, scores, version."""
    texts, scores = files(row[1]), parsed(row[3])
    good = isinstance(row[0], str) and 0 < len(row[0]) <= 64 and isinstance(scores, list) and len(scores) <= MOST_SCORES
    if texts is None or not good or any(number(one) is None for one in scores):
        return None
    return {"id": row[0], "files": texts, "operator": words(row[2], 40), "scores": scores, "version": count(row[4])}


def attempt(row: tuple[Any, ...]) -> dict[str, Any] | None:
    """A row of the history: title, operator, outcome, score, id."""
    if not isinstance(row[4], str) or len(row[4]) > 64:
        return None
    return {"title": words(row[0], 200), "operator": words(row[1], 40), "outcome": outcome(row[2]) or "",
            "score": number(row[3]), "id": row[4]}  # fmt: skip


def sibling(row: tuple[Any, ...]) -> Sibling | None:
    """A row of another engine's: program, id, form, title, files, files of the version that it was made from."""
    own, base = files(row[4]), files(row[5]) if row[5] is not None else {}
    if own is None or base is None or not is_program(row[0]) or not is_form(row[2]):
        return None
    if not isinstance(row[1], str) or _ID.fullmatch(row[1]) is None:
        return None
    return Sibling(row[0], row[1], row[2], words(row[3], 200), {**base, **own})
