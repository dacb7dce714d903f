"""Mappings: provisions of laws and standards, each with the evidence for it in a card, or "not covered" and why.

The tables are data (``mappings/*.toml``). Evidence is ``section:ID`` of the card, ``entry:KIND`` of the ledger, or
``control:ID`` of docs/controls.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Map
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from selfproof.reports.form import Column, Section

FILES = ("eu-ai-act", "nist-ai-rmf", "iso-42001")


@dataclass(frozen=True)
class Row:
    """One provision: either it has evidence, or ``gap`` says why it is not covered; or both, where it is in part."""

    ref: str
    asks: str
    evidence: tuple[str, ...]
    gap: str


@dataclass(frozen=True)
class Mapping:
    """One text with its provisions."""

    id: str
    title: str
    note: str
    rows: tuple[Row, ...]


@cache
def tables() -> tuple[Mapping, ...]:
    """All mappings."""
    return tuple(map(_table, FILES))


def _table(name: str) -> Mapping:
    found = tomllib.loads((resources.files("selfproof.reports") / "mappings" / f"{name}.toml").read_text("utf-8"))
    rows = (Row(one["ref"], one["asks"], tuple(one.get("evidence", ())), one.get("gap", "")) for one in found["row"])
    return Mapping(name, found["title"], found["note"], tuple(rows))


def section(table: Mapping, kinds: Map[str, int]) -> Section:
    """A mapping as a section of the card of a ledger that has so many entries of each kind."""
    columns = (Column("ref", "Provision"), Column("asks", "Asks for"), Column("state", "Here"),
               Column("evidence", "Evidence", "evidence"), Column("gap", "Not covered, because"))  # fmt: skip
    rows: list[dict[str, Any]] = []
    for one in table.rows:
        of = [name.removeprefix("entry:") for name in one.evidence if name.startswith("entry:")]
        absent = bool(of) and not any(kinds.get(kind, 0) for kind in of)
        state = "not covered" if not one.evidence else "in part" if one.gap else "evidence"
        state += ", no such entry in this ledger yet" if absent else ""
        told = [f"{name} ({kinds.get(name.removeprefix('entry:'), 0)})" if name.startswith("entry:") else name
                for name in one.evidence]  # fmt: skip
        rows.append({"ref": one.ref, "asks": one.asks, "state": state, "evidence": told, "gap": one.gap, "entries": []})
    return Section(f"map-{table.id}", table.title, (table.note,), columns, rows)
