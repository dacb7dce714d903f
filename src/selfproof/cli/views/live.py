"""The live screen: decisions scroll by as lines that stay, and four lines at the bottom say what goes on now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from selfproof.cli.views.base import View
from selfproof.cli.views.closing import closing
from selfproof.nouns import Event
from selfproof.viewing.now import Now
from selfproof.viewing.story import Line, Story
from selfproof.viewing.words import clock

WIDEST = 100
PER_SECOND = 4
BAR = 24
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
STYLES = {"certified": "green", "refused": "yellow", "control": "cyan", "WRONG": "bold red", "UNPROVED": "bold red",
          "undone": "magenta", "waits": "yellow", "signed": "green"}  # fmt: skip


class LiveView(View):
    """Draws a run on a terminal with rich; ``below`` gives more lines for the bottom, ``console`` is for tests."""

    def __init__(
        self, console: Console | None = None, now: Callable[[], float] = time.monotonic,
        below: Callable[[], Sequence[str]] = tuple,
    ) -> None:  # fmt: skip
        self._below = below
        self._console = console or Console(highlight=False)
        self._story = Story(now=now)
        self._now = Now(now)
        self._live = Live(
            get_renderable=self._bottom, console=self._console, refresh_per_second=PER_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        """Take over the bottom of the terminal."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back, with the cursor and without the bottom lines."""
        self._live.stop()

    @property
    def _width(self) -> int:
        return min(WIDEST, self._console.width)

    def take(self, event: Event) -> None:
        """Keep what is worth keeping, show the rest below."""
        self._now.take(event)
        for line in self._story.tell(event):
            self._console.print(self._kept(line), width=self._width)
        if event.get("event") == "summary":
            self._live.stop()
            self._console.print()
            self._console.print(closing(event), width=self._width, crop=False)

    def _kept(self, line: Line) -> RenderableType:
        """A line of the history: when, a sign with a word, and what; the change's title stays on one line."""
        style = STYLES.get(line.word, "dim")
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(width=5, justify="right")
        table.add_column(width=11, no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        what = Text().append(line.subject, "bold")
        told = Text(f"{'  ' if line.subject else ''}{line.told}", "" if line.subject else "dim")
        if line.title:
            what.append(f"  {line.title}")
            what.truncate(self._width - 19, overflow="ellipsis")
            what.append("\n")
            told = Text(line.told, "dim")
        table.add_row(
            Text(clock(self._story.elapsed), "dim"), Text(f"{line.sign} {line.word}", style), what.append_text(told)
        )
        return table

    def _bottom(self) -> RenderableType:
        """The four lines; drawn again several times a second."""
        now = self._now
        left = f" {now.left} " if now.left else ""
        head = Text("── ", "dim").append(f"selfproof {now.name} ", "bold not dim")
        head.append("─" * (self._width - cell_len(head.plain) - len(left) - 3), "dim").append(left).append("───", "dim")
        facts = Text(f"   {now.facts}", no_wrap=True, overflow="ellipsis")
        frame = SPINNER[int(self._story.elapsed * PER_SECOND) % len(SPINNER)]
        doing = Text(f" {frame} ", "cyan").append(now.objective, "bold default")
        doing.append(f"  {now.verb}  ", "cyan").append(now.what, "default")
        rows = [head, facts, doing, self._detail(), *(Text(f"   {line}", "dim") for line in self._below())]
        for row in rows:
            row.truncate(self._width, overflow="ellipsis")
        return Group(*rows)

    def _detail(self) -> Text:
        now = self._now
        if now.progress is None:
            return Text(f"   {now.detail}", "dim")
        full = round(BAR * now.progress)
        return Text("   ").append("━" * full, "green").append("╌" * (BAR - full), "dim").append(f"  {now.detail}")
