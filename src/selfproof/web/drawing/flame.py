"""Where a program spends its time, before and after: a bar for each function, its own time solid, its calls' soft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selfproof.web.drawing.svg import Drawing, Palette

WIDTH, ROW, LEFT = 760.0, 46.0, 250.0


def hot(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], palette: Palette = "page") -> str:
    """Two bars a function, shares of the whole run; functions by their own time at the start."""
    old = {place(row): row for row in before}
    new = {place(row): row for row in after}
    names = sorted({*old, *new}, key=lambda name: -max(_own(old.get(name)), _own(new.get(name))))[:16]
    told = ("Where the time goes", "; ".join(words(name, old.get(name), new.get(name)) for name in names))
    drawing = Drawing((WIDTH, 40.0 + ROW * max(1, len(names))), *told, palette)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _at(share)
        drawing.line((x, 22), (x, drawing.height - 8), "grid")
        drawing.word((x, 14), f"{share:.0%}", "word", "middle")
    for number, name in enumerate(names):
        top = 30.0 + ROW * number
        drawing.word((LEFT - 12, top + 14), name[-34:], "strong", "end")
        drawing.word((LEFT - 12, top + 30), _change(old.get(name), new.get(name)), "word", "end")
        for offset, row, label in ((0.0, old.get(name), "before"), (18.0, new.get(name), "after")):
            _bar(drawing, top + offset, row, f"{label}: {name}")
    return drawing.text()


def _bar(drawing: Drawing, top: float, row: dict[str, Any] | None, told: str) -> None:
    if row is None:
        drawing.word((LEFT + 4, top + 12), "not among the hot functions", "word")
        return
    said = f"{told}, {row['own']:.1%} itself, {row['share']:.1%} with what it calls, {row['calls']} calls"
    drawing.box((LEFT, top + 1), (_at(min(1.0, row["share"])) - LEFT, 15), "bar-soft", said)
    drawing.box((LEFT, top + 1), (_at(min(1.0, row["own"])) - LEFT, 15), "bar", said)
    drawing.word((_at(min(1.0, max(row["share"], row["own"]))) + 5, top + 13), f"{row['own']:.0%}", "word")


def _at(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - 50.0)


def _own(row: dict[str, Any] | None) -> float:
    return float(row["own"]) if row else 0.0


def _change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    return f"{_own(before):.0%} → {_own(after):.0%} of the run"


def place(row: dict[str, Any]) -> str:
    """A function's name as people write it."""
    return f"{row['path']}:{row['function']}"


def words(name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """One function in words."""
    return f"{name} {_change(before, after)}"
