"""A listener in a thread of its own, behind a queue that never makes anybody wait.

What it needs is made in that thread too, since a library or a server may take seconds. Where events come faster than it
takes them the newest are left out, and that is told. What it raises is told once, and ends nothing.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from selfproof.nouns import Event

MOST_WAITING = 1000
MOST_TOLD = 5  # different problems of one listener in a run


class Sink(Protocol):
    """Somebody outside who is told of events."""

    def take(self, event: Event) -> None:
        """Pass an event on; whatever it raises is told as a problem. May take its time, but must come back."""

    def close(self) -> None:
        """Say goodbye; asked for once, after the last event."""


Make = Callable[[threading.Event], Sink]
"""Makes a sink; the event is set when the run ends and nothing may wait any more."""


class Listener:
    """Hands events to a sink; ``put`` never waits and never raises."""

    def __init__(self, name: str, make: Make) -> None:
        self.name = name
        self._make = make
        self._waiting: queue.Queue[Event | None] = queue.Queue(MOST_WAITING)
        self._problems: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._known: set[str] = set()
        self._idle = threading.Event()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"selfproof-{name}", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Queue an event, or leave it out if too many wait."""
        try:
            self._idle.clear()
            self._waiting.put_nowait(event)
        except queue.Full:
            self._tell(f"it is too slow: {MOST_WAITING} events wait, and others are left out")

    def problems(self) -> list[Event]:
        """What went wrong since the last call, as events."""
        found: list[Event] = []
        while not self._problems.empty():
            found.append({"event": "monitoring", "sink": self.name, "problem": self._problems.get()})
        return found

    def drain(self, until: float) -> None:
        """Wait until everything was passed on, at most until then (`time.monotonic`)."""
        while self._thread.is_alive() and not self._idle.wait(min(0.05, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until:
                return

    def close(self, until: float) -> None:
        """Let it say goodbye, at most until then; a sink that hangs is left alone."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            self._hurry.set()
        self._thread.join(max(0.0, until - time.monotonic()))
        self._hurry.set()

    def _tell(self, problem: str) -> None:
        if problem not in self._known and len(self._known) < MOST_TOLD:
            self._known.add(problem)
            self._problems.put(problem)

    def _work(self) -> None:
        sink: Sink | None = None
        try:
            sink = self._make(self._hurry)
            while (event := self._next()) is not None:
                try:
                    sink.take(event)
                except Exception as error:  # noqa: BLE001  a stranger's library or server: whatever it does, it only listens
                    self._tell(f"{type(error).__name__}: {error}"[:300])
            sink.close()
        except Exception as error:  # noqa: BLE001  as above, while it is made or says goodbye
            self._tell(f"{'it could not be started' if sink is None else 'at its end'}: {error}"[:300])
        self._idle.set()

    def _next(self) -> Event | None:
        if self._waiting.empty():
            self._idle.set()
        event = self._waiting.get()
        return None if self._hurry.is_set() else event
