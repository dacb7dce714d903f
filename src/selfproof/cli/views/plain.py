"""Plain lines, for pipes, logs and terminals without a screen."""

from __future__ import annotations

import sys
from typing import TextIO

from selfproof.cli.views.base import View
from selfproof.nouns import Event
from selfproof.viewing.story import Line, Story
from selfproof.viewing.words import clock, fit

PAUSE = 2.0
TITLE = 60
WIDTH = 80


class PlainView(View):
    """One line for each thing worth knowing, then the closing table."""

    def __init__(self, out: TextIO | None = None, story: Story | None = None) -> None:
        self._out = out or sys.stdout
        self._story = story or Story(PAUSE)

    def take(self, event: Event) -> None:
        """Print what the event adds to the story."""
        for line in self._story.tell(event):
            self._print(f"{clock(self._story.elapsed):>5} {line.word:<9} {plain(line)}")
        if event.get("event") == "summary":
            from selfproof.cli.views.closing import as_text

            self._print("\n" + as_text(event, WIDTH))

    def _print(self, text: str) -> None:
        self._out.write(fit(text, self._out) + "\n")
        self._out.flush()


def plain(line: Line) -> str:
    """A line of the story without its word."""
    title = line.title if len(line.title) <= TITLE else line.title[: TITLE - 1] + "…"
    return ": ".join(part for part in (line.subject, title, line.told) if part)
