"""How a run is shown: a live screen on a terminal, plain lines elsewhere, or one JSON event a line."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence

from selfproof.cli.views.base import View
from selfproof.nouns import Event

__all__ = ["JsonView", "View", "view_for"]


class JsonView(View):
    """One event a line, in ASCII: every encoding takes it, and a title cannot carry control characters out."""

    def take(self, event: Event) -> None:
        """Print one event."""
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def view_for(
    as_json: bool, now: Callable[[], float] = time.monotonic, below: Callable[[], Sequence[str]] = tuple
) -> View:  # fmt: skip
    """JSON if asked for; the live screen on a terminal that can show it; plain lines otherwise.

    ``now`` is the clock of what is shown, ``below`` more lines for the bottom of the screen.
    """
    if as_json:
        return JsonView()
    from selfproof.viewing.words import is_unicode

    if sys.stdout.isatty() and os.environ.get("TERM") not in {None, "", "dumb"} and is_unicode(sys.stdout):
        from selfproof.cli.views.live import LiveView

        return LiveView(now=now, below=below)
    from selfproof.cli.views.plain import PAUSE, PlainView
    from selfproof.viewing.story import Story

    return PlainView(story=Story(PAUSE, now))
