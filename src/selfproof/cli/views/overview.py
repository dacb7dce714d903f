"""Where each objective stands, a line for each, where a program has several. Pure."""

from __future__ import annotations

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from selfproof.nouns import Event
from selfproof.viewing.words import at, bounds, clean, decimals, finite, interval, items, number

COLUMNS = ("objective", "start", "now", "now / best human rule", "certified")


def overview(summary: Event) -> list[RenderableType]:
    """A small table: from where to where, beside people's best rule, and how many changes are certified."""
    rows = items(summary, "objectives")
    if len(rows) < 2:
        return []
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in COLUMNS:
        table.add_column(title, justify="left" if title == COLUMNS[0] else "right", no_wrap=True)
    for row in rows:
        places, ratio = decimals(at(row, "start")), at(row, "best_human", "ratio")
        human = (
            "none"
            if ratio is None
            else f"{number(ratio, 3)} {interval(bounds(row, 'best_human', 'ratio_interval'), 3)}"
        )
        name = Text(clean(at(row, "name") or "?", 24), "bold")
        name.append("  ↑" if at(row, "better") == "higher" else "  ↓", "not bold dim")
        certified = finite(at(row, "certified"))
        cells = [number(at(row, key), places) for key in ("start", "now")]
        table.add_row(name, *map(Text, cells), Text(human), Text("-" if certified is None else f"{certified:.0f}"))
    told = Text("at a glance", "bold").append("   ↓ lower is better, ↑ higher is better", "not bold dim")
    return [told, Padding(table, (0, 0, 0, 2)), Text()]
