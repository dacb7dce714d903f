"""Ask the program's own improver for edits. It runs in the jail; what comes back is data that must fit the form."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from selfproof.archive.tree import matches
from selfproof.jail import Job, Limits, Outcome, values
from selfproof.nouns import Edit, Files

LONGEST_TITLE = 200
MOST_FILES = 8
LARGEST_FILE = 256 * 1024


@dataclass(frozen=True)
class Proposals:
    """Edits that fit the form, what did not, and the improver's own failure if it had one.

    ``dropped`` holds (rule, SHA-256 of the row) for each row that was left out and was looked at; ``unread``
    counts those beyond what was wanted.
    """

    edits: tuple[Edit, ...]
    dropped: tuple[tuple[str, str], ...]
    failure: str | None
    cpu_seconds: float
    unread: int = 0

    @property
    def malformed(self) -> int:
        """How many of the rows that were looked at were left out."""
        return len(self.dropped)


def request(files: Files, entry: str, view: Mapping[str, Any], limits: Limits) -> Job:
    """The job that asks the improver at ``entry`` in ``files`` what it suggests for ``view``."""
    return Job(files=files, entry=entry, inputs=[values.encode(dict(view))], limits=limits)


def receive(outcome: Outcome, objective: str, wanted: int, scope: tuple[str, ...]) -> Proposals:
    """Decode an improver's answer: at most ``wanted`` edits of files within ``scope``; the rest is dropped."""
    if outcome.status != "ok" or not outcome.outputs:
        return Proposals((), (), f"{outcome.status}: {outcome.message or 'no answer'}", outcome.cpu_seconds)
    try:
        rows = values.decode(outcome.outputs[0])
    except ValueError as error:
        return Proposals((), (), f"answer not decodable: {error}", outcome.cpu_seconds)
    if not isinstance(rows, list):
        return Proposals((), (), "the answer is not a list of edits", outcome.cpu_seconds)
    edits = [(_edit(row, objective), row) for row in rows[:wanted]]
    inside = [edit is not None and all(_within(path, scope) for path in edit.files) for edit, _ in edits]
    good = tuple(edit for (edit, _), within in zip(edits, inside, strict=True) if edit is not None and within)
    dropped = tuple(
        ("form" if edit is None else "scope", hashlib.sha256(values.encode(row)).hexdigest())
        for (edit, row), within in zip(edits, inside, strict=True)
        if not within
    )
    return Proposals(good, dropped, None, outcome.cpu_seconds, max(0, len(rows) - wanted))


def _within(path: str, scope: tuple[str, ...]) -> bool:
    return matches(path, scope) and ".." not in path


def _edit(row: object, objective: str) -> Edit | None:
    if not isinstance(row, dict):
        return None
    files, title = row.get("files"), row.get("title")
    operator, parent, family = row.get("operator"), row.get("parent"), row.get("family") or ""
    if not (isinstance(title, str) and isinstance(operator, str) and isinstance(parent, str)):
        return None
    if not isinstance(family, str):
        return None
    if not isinstance(files, dict) or not 0 < len(files) <= MOST_FILES:
        return None
    for path, text in files.items():
        if not (isinstance(path, str) and isinstance(text, str)):
            return None
        if len(text) > LARGEST_FILE:
            return None
    stated = row.get("prediction")
    prediction = stated if isinstance(stated, float) and math.isfinite(stated) else None
    title, operator = plain(title), plain(operator)[:40]
    return Edit(objective, dict(files), title, operator, parent[:64], prediction=prediction, family=family[:40])


def plain(text: str) -> str:
    """Machine-written text without control characters, at most 200 characters: safe on a terminal."""
    return "".join(ch if ch.isprintable() else " " for ch in text[:LONGEST_TITLE])
