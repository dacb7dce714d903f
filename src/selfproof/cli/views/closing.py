"""The closing table: what a run was worth, row by row, and what it did not achieve. The same in plain and live."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from selfproof.cli.views.overview import overview
from selfproof.cli.views.shortfall import ended, next_commands, shortfalls
from selfproof.nouns import Event
from selfproof.viewing.story import controls_of, cost_words
from selfproof.viewing.words import at, bounds, clean, count, decimals, duration, finite, interval, items, number

NAME = 38
VALUE = 7
HOT = 5
COMMAND = 40


def closing(summary: Event) -> RenderableType:
    """Everything that the last event says, for a person; 80 columns are enough."""
    parts: list[RenderableType] = []
    for row in items(summary, "objectives"):
        parts += [*(_speed(row) if at(row, "ratio") else _quality(row)), Text()]
    parts += [*_controls(summary), Text(), *overview(summary), *_standing(summary)]
    if missing := shortfalls(summary):
        parts += [Text("\nnot achieved", "bold"), _bullets(missing)]
    parts += [Text("\nnext", "bold"), *_commands(summary)]
    return Group(*parts)


def as_text(summary: Event, width: int) -> str:
    """The closing table without colours or control sequences."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False, highlight=False)
    console.print(closing(summary), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


class Rows:
    """Name, value, interval and a note, in columns that line up from one block to the next."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.table = Table.grid(padding=(0, 2, 0, 0))
        self.table.add_column(width=NAME)
        self.table.add_column(width=VALUE, justify="right")
        self.table.add_column(no_wrap=True)
        self.table.add_column(overflow="fold")

    def add(self, name: str, value: object, found: tuple[float, float] | None, note: str = "", style: str = "") -> None:
        """One row; a value that is missing shows as "?"."""
        cells = [name, number(value, self.places), interval(found, self.places), note]
        self.table.add_row(*(Text(cell, style) for cell in cells))

    def heading(self, text: str) -> None:
        """A row that names the rows below it."""
        self.table.add_row(Text(text, "dim"))

    def shown(self) -> RenderableType:
        """The rows, indented."""
        return Padding(self.table, (0, 0, 0, 2))


def _title(row: Event, told: str) -> Text:
    better = clean(at(row, "better") or "?", 10)
    head = Text(clean(at(row, "name") or "?", 24), "bold")
    head.append(f"   {clean(at(row, 'metric') or '?', 24)}, {better} is better", "not bold")
    return head.append(f"\n  {told}", "not bold dim")


def _quality(row: Event) -> list[RenderableType]:
    scale = at(row, "start")
    rows = Rows(decimals(scale))
    rows.add("start", scale, bounds(row, "start_interval"))
    rows.add("now", at(row, "now"), bounds(row, "interval"), style="bold")
    rows.add("gain", at(row, "gain", "value"), bounds(row, "gain", "interval"))
    _people(rows, row)
    constants = at(row, "constants_only")
    if constants is None:
        rows.table.add_row(Text("constants only"), Text("not run"))
    else:
        rows.add(f"constants only, {count(at(constants, 'evaluations'), 'evaluation')}",
                 at(constants, "value"), bounds(constants, "interval"))  # fmt: skip
        ahead = at(constants, "now_is_better_by")
        rows.add("  now is better by", at(ahead, "value"), bounds(ahead, "interval"))
    _transfer(rows, row)
    told = f"95% intervals, on {count(at(row, 'blocks'), 'block')} used for nothing else"
    if at(row, "whole") is True:
        told = f"exact, on all {count(at(row, 'blocks'), 'sample')}"
    parts: list[RenderableType] = [_title(row, told), rows.shown()]
    if words := at(row, "transfers"):
        parts.append(Padding(Text(clean(words)), (0, 0, 0, 4)))
    return parts + _slices(row)


def _people(rows: Rows, row: Event) -> None:
    people = items(row, "humans")
    if not people:
        rows.table.add_row(Text("human rules"), Text("not run"))
        return
    sign = -1 if at(row, "better") == "higher" else 1
    people.sort(key=lambda rule: sign * (finite(at(rule, "value")) or 0.0))
    spent = count(at(row, "human_evaluations"), "evaluation")
    rows.heading(f"human rules, tuned, {spent}")
    best = at(row, "best_human", "name")
    for rule in people:
        note = "best" if at(rule, "name") == best else ""
        rows.add(f"  {clean(at(rule, 'name') or '?', NAME - 2)}", at(rule, "value"), bounds(rule, "interval"), note)
    ahead = "above" if sign < 0 else "below"
    name = f"  now / best rule ({ahead} 1 is better)"
    rows.add(name, at(row, "best_human", "ratio"), bounds(row, "best_human", "ratio_interval"))


def _transfer(rows: Rows, row: Event) -> None:
    if not items(row, "transfer"):
        rows.table.add_row(Text("other corpus"), Text("not run"))
    for other in items(row, "transfer"):
        name = clean(at(other, "corpus") or "?", 20)
        rows.heading(f"other corpus: {name}")
        began = number(at(other, "start"), rows.places)
        rows.add(f"  now (start {began})", at(other, "now"), bounds(other, "interval"))
        rows.add("  gain", at(other, "gain", "value"), bounds(other, "gain", "interval"))


def _slices(row: Event) -> list[RenderableType]:
    if not items(row, "slices"):
        return []
    places = decimals(at(row, "start"), 3)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in ("slice", "start", "now", "best human rule"):
        table.add_column(name, overflow="fold")
    table.add_column("draws", justify="right")
    for part in items(row, "slices"):
        cells = [Text(clean(at(part, "slice") or "?", 16))]
        for label in ("start", "now", "best_human"):
            found = at(part, label)
            told = f"{number(at(found, 'value'), places)} {interval(bounds(found, 'interval'), places)}"
            cells.append(Text(told if found else "too few", "bold" if label == "now" else ""))
        table.add_row(*cells, Text(number(at(part, "draws"), 0)))
    return [Padding(table, (0, 0, 0, 2))]


def _speed(row: Event) -> list[RenderableType]:
    start, now = duration(at(row, "start")), duration(at(row, "now"))
    rows = Rows(2)
    rows.add(f"whole workload, {start} → {now}", at(row, "ratio", "value"), bounds(row, "ratio", "interval"),
             "× as fast", "bold")  # fmt: skip
    functions = items(row, "functions")
    if not functions:
        rows.table.add_row(Text("functions rewritten"), Text("none"))
    for function in functions:
        name = clean(at(function, "function") or "?", NAME - 2)
        rows.add(f"  {name}", at(function, "ratio"), bounds(function, "interval"), "× as fast")
    parts: list[RenderableType] = [_title(row, "95% intervals, on inputs used for nothing else"), rows.shown()]
    hot = [f"{clean(at(h, 'function'), 32)} {finite(at(h, 'share')) or 0:.0%}" for h in items(row, "hot")[:HOT]]
    if hot:
        parts.append(Padding(Text(f"time goes to {', '.join(hot)}", "dim"), (0, 0, 0, 2)))
    return parts


def _controls(summary: Event) -> list[RenderableType]:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in controls_of(summary):
        right = line.word == "control"
        sign = "·" if line.told.startswith("not run") else "✓" if right else "✗"
        table.add_row(Text(sign, "green" if right else "red"), Text(line.subject), Text(line.told))
    head = Text("controls", "bold").append("   real candidates through the same gate, never adopted", "not bold dim")
    return [head, Padding(table, (0, 0, 0, 2))]


def _standing(summary: Event) -> list[RenderableType]:
    spent, total = at(summary, "alpha", "spent"), at(summary, "alpha", "total")
    ledger: Any = at(summary, "ledger")
    waiting = summary.get("waiting")
    sign = Text("✓ ledger verified", "green") if at(ledger, "verified") else Text("✗ ledger NOT verified", "bold red")
    if summary.get("ended") == "stop file" and at(ledger, "verified") is None:  # whoever stops something waits for it
        sign = Text("ledger not checked: it was stopped", "yellow")
    rows = [
        ("changes", f"{number(summary.get('certified'), 0)} certified, {number(summary.get('refused'), 0)} refused "
         f"since the program began; now at version {number(summary.get('version'), 0)}"),
        ("error budget", f"{number(spent, 4)} of {number(total, 2)} spent, over the program's whole life"),
        ("cost", f"{duration(summary.get('seconds'))}, {count(summary.get('trials'), 'trial')}, "
         f"{duration(summary.get('cpu_seconds'))} of CPU, isolation: {clean(summary.get('tier', '?'), 24)}"),
        *([("models", cost_words(summary["models"]))] if at(summary, "models", "tokens_in") else []),
        ("ended", ended(summary)),
        *([("waiting", f"{count(waiting, 'change')} certified, for people to sign")] if waiting else []),
        *(("witness", f"{clean(at(row, 'name'), 60)}: {witnessed(row)}") for row in items(summary, "witnesses")),
    ]  # fmt: skip
    root = clean(at(ledger, "root") or "?", 80)
    told = sign.append(f", {count(at(ledger, 'entries'), 'entry', 'entries')}, root", "not bold default")
    return [Text("result", "bold"), _pairs(rows), Padding(told, (0, 0, 0, 2)), Padding(Text(root), (0, 0, 0, 2))]


def witnessed(row: Event) -> str:
    """What a witness answered."""
    if finite(at(row, "entries")) is not None:
        return f"cosigned {count(at(row, 'entries'), 'entry', 'entries')}"
    return ("ANOTHER HISTORY: " if at(row, "conflict") else "did not cosign: ") + clean(at(row, "reason"), 160)


def _pairs(rows: list[tuple[str, str]]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for name, told in rows:
        table.add_row(Text(name, "dim"), Text(told))
    return Padding(table, (0, 0, 0, 2))


def _commands(summary: Event) -> list[RenderableType]:
    """Whole lines, never broken, so that they can be copied; what they are for only where there is room."""
    rows = next_commands(summary)
    widest = max(len(command) for command, _ in rows)
    lines = []
    for command, purpose in rows:
        line = Text(f"  {command:<{widest}}", no_wrap=True, overflow="ignore")
        lines.append(line.append(f"   {purpose}", "dim") if widest <= COMMAND else line)
    return list(lines)


def _bullets(sentences: list[str]) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    for sentence in sentences:
        table.add_row(Text("·", "yellow"), Text(sentence))
    return Padding(table, (0, 0, 0, 2))
