"""What every view of a run is: a context manager that takes the loop's events one by one."""

from __future__ import annotations

import abc
from types import TracebackType
from typing import Self

from selfproof.nouns import Event


class View(abc.ABC):
    """Shows a run; leaves the terminal as it found it, however the run ends."""

    @abc.abstractmethod
    def take(self, event: Event) -> None:
        """Show one event. Unknown events and missing fields are never an error."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(  # noqa: B027  (most views have nothing to undo)
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
