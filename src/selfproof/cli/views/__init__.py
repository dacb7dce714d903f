"""How a run is shown: a live screen on a terminal, plain lines elsewhere, or one JSON event a line."""

from __future__ import annotations

import json
import os
import sys

from selfproof.cli.views.base import View
from selfproof.nouns import Event

__all__ = ["JsonView", "View", "view_for"]


class JsonView(View):
    """One event a line, in ASCII: every encoding takes it, and a title cannot carry control characters out."""

    def take(self, event: Event) -> None:
        """Print one event."""
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def view_for(as_json: bool) -> View:
    """JSON if asked for; the live screen on a terminal that can show it; plain lines otherwise."""
    if as_json:
        return JsonView()
    from selfproof.cli.views.words import is_unicode

    if sys.stdout.isatty() and os.environ.get("TERM") not in {None, "", "dumb"} and is_unicode(sys.stdout):
        from selfproof.cli.views.live import LiveView

        return LiveView()
    from selfproof.cli.views.plain import PlainView

    return PlainView()
