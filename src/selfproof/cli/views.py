"""How a run is shown: JSON lines, or plain lines."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Protocol, Self

from selfproof.nouns import Event


class View(Protocol):
    """Takes the loop's events one by one."""

    def take(self, event: Event) -> None:
        """Show one event."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, leaving the terminal as it was."""


class JsonView:
    """One event a line."""

    def take(self, event: Event) -> None:
        """Print one event."""
        sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to undo."""


def view_for(as_json: bool) -> View:
    """The view that fits the output."""
    del as_json
    return JsonView()
