"""The risk register: ``risks.toml`` beside the charter. Each risk is tied to controls and says what is left of it.

A person writes it. It is not in the ledger, and the card says so; a control that does not exist is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.nouns import UsageError
from selfproof.reports import controls
from selfproof.reports.form import Column, Section

FILE = "risks.toml"
KEYS = frozenset({"id", "risk", "harm", "controls", "residual", "owner", "reviewed"})
LEVELS = ("low", "medium", "high")


@dataclass(frozen=True)
class Risk:
    """One risk; ``residual`` is how much is left with its controls in place: low, medium or high."""

    id: str
    risk: str
    harm: str
    controls: tuple[str, ...]
    residual: str
    owner: str
    reviewed: str = ""


def load(path: Path) -> tuple[Risk, ...] | None:
    """The register, or None if there is none.

    Raises:
        UsageError: it is no TOML, a key is missing or unknown, or a control does not exist.
    """
    if not path.is_file():
        return None
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("risk", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    risks = tuple(_risk(path, row) for row in rows)
    if len({one.id for one in risks}) != len(risks):
        raise UsageError(f"{path}: two risks have one id")
    return risks


def begin(path: Path) -> None:
    """Write a register to begin with.

    Raises:
        UsageError: there is one.
    """
    if path.exists():
        raise UsageError(f"{path} is there already", advice="Edit it.")
    path.write_bytes((Path(__file__).parent / FILE).read_bytes())


def _risk(path: Path, row: Any) -> Risk:
    known = {one.id for one in controls.rows()}
    if not isinstance(row, dict) or not {*KEYS} - {"reviewed"} <= {*row} <= KEYS:
        raise UsageError(f"{path}: a [[risk]] has the keys {', '.join(sorted(KEYS))}, all but reviewed required")
    where = f"{path}: risk {row['id']!r}"
    texts = {key: row[key] for key in KEYS - {"controls"} if key in row}
    if not all(isinstance(value, str) and value for value in texts.values()):
        raise UsageError(f"{where}: everything but controls is a text")
    if row["residual"] not in LEVELS:
        raise UsageError(f"{where}: residual is one of {', '.join(LEVELS)}")
    named = row["controls"]
    if not isinstance(named, list) or not named:
        raise UsageError(f"{where} names no control", advice='controls = ["C7", ...]; docs/controls.md lists them.')
    for one in named:
        if one not in known:
            raise UsageError(f"{where}: there is no control {one!r}", advice="docs/controls.md lists C1 to C43.")
    return Risk(controls=tuple(named), **texts)


def section(risks: Sequence[Risk] | None) -> Section:
    """The register as a section of the card."""
    columns = (
        Column("id", "Risk", "foreign"),
        Column("risk", "What may happen", "foreign"),
        Column("harm", "To whom", "foreign"),
        Column("controls", "Controls"),
        Column("tested", "Of them tested"),
        Column("residual", "What is left"),
        Column("owner", "Owner", "foreign"),
        Column("reviewed", "Reviewed", "foreign"),
    )
    tested = {one.id for one in controls.rows() if one.tests}
    rows: list[dict[str, Any]] = [
        {"id": one.id, "risk": one.risk, "harm": one.harm, "controls": list(one.controls),
         "tested": f"{sum(name in tested for name in one.controls)} of {len(one.controls)}",
         "residual": one.residual, "owner": one.owner, "reviewed": one.reviewed, "entries": []}
        for one in risks or ()
    ]  # fmt: skip
    words = ("Written by a person in risks.toml beside the charter; not in the ledger. Controls are those of "
             "docs/controls.md.",)  # fmt: skip
    return Section("risks", "Risk register", words, columns, rows,
                   "There is no risks.toml beside the charter." if risks is None else "It is empty.")  # fmt: skip
