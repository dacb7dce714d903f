"""What a program does at this moment, folded from the live feed: for a page, and for whoever listens.

The feed is what a run says while it goes on; it is no evidence. What counts is in the ledger.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import Any

from selfproof.monitoring.feed import Follower
from selfproof.nouns import Event
from selfproof.places import Paths
from selfproof.viewing.now import Now
from selfproof.viewing.story import Line, Story
from selfproof.viewing.words import finite

KEPT = 400
"""Events that a listener may lag behind."""

TOLD = 12
"""Lines of the story that are shown."""

STEPS = 300
"""Steps of the bound that are remembered."""


class Present:
    """One program's present; ``catch_up`` may be called by any thread, as often as anybody likes."""

    def __init__(self, paths: Paths) -> None:
        """Nothing is read before the first ``catch_up``."""
        self._follower = Follower(paths)
        self._lock = threading.Lock()
        self._time = 0.0
        self.events: deque[tuple[int, Event]] = deque(maxlen=KEPT)
        self.number = 0
        self._begin()

    def _begin(self) -> None:
        """A run begins: what was said of the one before is over."""
        self.now = Now(self._clock)
        self._story = Story(now=self._clock)
        self.lines: deque[tuple[float, Line]] = deque(maxlen=TOLD)
        self.bound: dict[str, Any] | None = None
        self.beat: Event = {}
        self.status: Event = {}
        self.summary: Event | None = None
        self.began = 0.0

    def _clock(self) -> float:
        return self._time

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return bool(self._follower.running)

    @property
    def ends(self) -> float | None:
        """When its time is up, in seconds since 1970."""
        left, at = finite(self.beat.get("left")), finite(self.beat.get("time"))
        if left is not None and at is not None:
            return at + left
        seconds = finite(self.status.get("seconds"))
        return self.began + seconds if seconds is not None and self.began else None

    def catch_up(self) -> int:
        """Take in what came since; the number of the newest event."""
        with self._lock:
            for event in self._follower.read():
                self._take(event)
            return self.number

    def since(self, number: int) -> list[tuple[int, Event]]:
        """Events after that number, as far as they are remembered."""
        with self._lock:
            return [found for found in self.events if found[0] > number]

    def close(self) -> None:
        """Let go of the feed's file."""
        with self._lock:
            self._follower.close()

    def _take(self, event: Event) -> None:
        self.number += 1
        self.events.append((self.number, event))
        self._time = finite(event.get("time")) or time.time()
        kind = event.get("event")
        if kind == "start":
            self._begin()
            self.began = self._time
        if kind == "beat":
            self.beat = event
            return
        if kind in {"start", "status"}:
            self.status = {**self.status, **event}
        elif kind == "summary":
            self.summary = event
        elif kind in {"confirm", "verdict"}:
            self._follow_bound(event)
        self.now.take(event)
        self.lines.extend((self._time, line) for line in self._story.tell(event))

    def _follow_bound(self, event: Event) -> None:
        """The wealth of the confirmation that is open, pair by pair as it was told."""
        if self.bound is None or self.bound["id"] != event.get("id"):
            self.bound = {"id": event.get("id"), "steps": deque(maxlen=STEPS), "answer": "undecided", "pairs": 0,
                          "control": False}  # fmt: skip
        told = {key: event.get(key) for key in ("objective", "title", "control", "answer", "reason", "k", "pairs")}
        self.bound |= {key: value for key, value in told.items() if value is not None}
        wealth, line = finite(event.get("log_wealth")), finite(event.get("log_threshold"))
        if wealth is not None and line is not None:
            self.bound |= {"wealth": wealth, "line": line, "level": finite(event.get("alpha_k"))}
            self.bound["steps"].append((finite(event.get("pairs")) or 0.0, wealth))


def odds(log: float) -> str:
    """A wealth from its logarithm, for a person."""
    value = math.exp(min(log, 700.0))
    return f"{value:,.2f}" if value < 10 else f"{value:,.0f}" if value < 1e6 else f"{value:.1e}"
