"""The form of a card: sections with typed columns, and how a cell is put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "foreign", "code", "number", "yes", "list", "foreigns", "time", "evidence"]


@dataclass(frozen=True)
class Column:
    """One column: its key in each row, its heading, and what its cells are."""

    key: str
    title: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Section:
    """A heading, a sentence or two, and a table; ``empty`` is what is said instead of a table without rows."""

    id: str
    title: str
    words: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Sequence[dict[str, Any]] = field(default_factory=tuple)
    empty: str = "Nothing."


ITEMS = (Column("item", "What"), Column("value", "Is", "foreign"))


def item(name: str, value: Any, *entries: int) -> dict[str, Any]:
    """A row of a section of items."""
    return {"item": name, "value": value, "entries": list(entries)}


def words(value: Any, kind: Kind = "text") -> str:
    """A cell in words; what is not there is a dash."""
    if value is None or (isinstance(value, str | list) and not value):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if kind == "time":
        return f"{str(value)[:10]} {str(value)[11:19]}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(words(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {words(one)}" for key, one in value.items())
    return str(value)


def effect(told: dict[str, Any] | None, metric: str = "") -> str:
    """A measured effect for a person, in the metric's unit."""
    if not told or "value" not in told:
        return str((told or {}).get("reason", "not measured"))
    low, high = told["interval"]
    unit = f" {metric}" if metric else ""
    size = f"{told['value']:.2f} times as fast" if told["kind"] == "ratio" else f"{told['value']:.4g}{unit} better"
    source = f", on {told['from']}" if "from" in told else ""
    return f"{size} [{low:.4g}, {high:.4g}]{source}"
