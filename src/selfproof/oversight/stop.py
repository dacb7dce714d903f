"""Stop: a file, a signal, a spent budget. Asked between any two jobs; none of it can be reached from a jail."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

GRACE_S = 120.0


class Stop:
    """Why the run should end, if it should: ``reason`` is None while it may go on.

    ``seconds`` is the wall clock from now on, ``file`` a path whose existence stops everything.
    """

    def __init__(self, file: Path, seconds: float) -> None:
        self._file = file
        self._begin = time.monotonic()
        self._seconds = seconds
        self._signalled: str | None = None
        self._enough = False

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._seconds - (time.monotonic() - self._begin))

    @property
    def reason(self) -> str | None:
        """ "interrupted", "stop file", "enough" or "time"; None while the run may go on."""
        if self._signalled:
            return self._signalled
        if self._file.exists():
            return "stop file"
        if self._enough:
            return "enough"
        return "time" if self.left <= 0 else None

    @property
    def urgent(self) -> bool:
        """Whether it must end now: a person wants it, or it takes a quarter longer than allowed, or GRACE_S."""
        late = time.monotonic() - self._begin > self._seconds + max(GRACE_S, self._seconds / 4)
        return late or self.reason in {"interrupted", "stop file"}

    def extend(self, seconds: float) -> None:
        """Allow this much time from now on, for what comes after the loop."""
        self._begin, self._seconds, self._enough = time.monotonic(), seconds, False

    def enough(self) -> None:
        """End as if the time were used up: what was wanted of this run is there."""
        self._enough = True

    def interrupt(self) -> None:
        """End as soon as the current step is safe."""
        self._signalled = "interrupted"

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within this block the first Ctrl-C or SIGTERM asks for an orderly end; the second ends at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            del frame
            if self._signalled:
                raise KeyboardInterrupt
            self.interrupt()
            signal.signal(number, handle)

        old = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
