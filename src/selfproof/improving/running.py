"""A run in a thread of its own, its events handed to whoever reads them.

All of it, the start of the jail too, happens in one thread that lives as long as the run: jailed workers end with the
thread that started them. So it does not matter from which thread, or under which event loop, the events are read.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from selfproof.nouns import Event
from selfproof.oversight.stop import Stop

_AHEAD = 256
"""Events that may wait to be read before the run waits too."""


Start = Callable[[Callable[[Stop], None], Callable[[Event], None]], Iterator[Event]]


class Background(Iterator[Event]):
    """A run under way: iterate over it for its events. Close it, or read it to its end.

    ``start`` makes the run's iterator; it is given a function that it must call with the run's `Stop`, and one that
    takes events from within a call that yields none.
    """

    def __init__(self, start: Start) -> None:
        self._rows: queue.Queue[Event | BaseException | None] = queue.Queue(_AHEAD)
        self._lock = threading.Lock()
        self._stop: Stop | None = None
        self.interrupted = self._over = False
        self._thread = threading.Thread(target=self._work, args=(start,), name="selfproof run", daemon=True)
        self._thread.start()

    def __next__(self) -> Event:
        """The next event, when it comes; what the run raised, where it raised it."""
        row = None if self._over else self._rows.get()
        if row is None or isinstance(row, BaseException):
            self._over = True
            self._thread.join()
            raise row or StopIteration
        return row

    def interrupt(self) -> None:
        """Ask for an orderly end, as Ctrl-C does: a summary still comes."""
        with self._lock:
            self.interrupted = True
            if self._stop is not None:
                self._stop.interrupt()

    def close(self) -> None:
        """End it in order and wait; what it still tells is dropped."""
        self.interrupt()
        while not self._over:
            row = self._rows.get()
            self._over = row is None or isinstance(row, BaseException)
        self._thread.join()

    def _work(self, start: Start) -> None:
        try:
            for event in start(self._hold, self._rows.put):
                self._rows.put(event)
        except BaseException as error:  # noqa: BLE001  raised again in the thread that reads
            self._rows.put(error)
        else:
            self._rows.put(None)

    def _hold(self, stop: Stop) -> None:
        with self._lock:
            self._stop = stop
            if self.interrupted:
                stop.interrupt()
