"""Workers on virtual time: the loop's own jobs, run for real, on a clock that only counts.

Every job is answered by a real executor, so that what the engine decides is what it would decide; how long it took, on
which of many workers, and whether a node was lost meanwhile is drawn from a seed. A result that is waited for moves the
clock; nothing here sleeps. The engine's own time, and what a proposer takes, count as zero: only the workers are
simulated.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from selfproof.jail import Job, Outcome


class Answers(Protocol):
    """What runs the jobs for real: a ``Pool``, or whatever answers like it."""

    tier: str
    layers: tuple[str, ...]

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Outcomes in the jobs' order."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Law:
    """How long an answer takes: lognormal around ``seconds`` (its median) with ``spread``, the deviation of the
    logarithm; with probability ``failures`` a job's node is lost part of the way and the job starts again.

    Raises ValueError for what is no such law.
    """

    seconds: float = 1.0
    spread: float = 0.3
    failures: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        if not (0 < self.seconds < math.inf and 0 <= self.spread < math.inf and 0 <= self.failures < 1):
            raise ValueError("seconds must be positive, spread not negative, failures at least 0 and less than 1")

    def draw(self, rng: random.Random, answers: int) -> tuple[float, int]:
        """Seconds until a job with so many answers is done, and how often its node was lost before."""
        whole, lost = answers * self.seconds * rng.lognormvariate(0, self.spread), 0
        taken = whole
        while rng.random() < self.failures:
            taken, lost = taken + rng.random() * whole, lost + 1
        return taken, lost


class Arrival(Future[Outcome]):
    """An outcome that is there at a virtual moment; to wait for it moves the clock."""

    def __init__(self, workers: VirtualPool, at: float) -> None:
        super().__init__()
        self._workers, self._at = workers, at

    def result(self, timeout: float | None = None) -> Outcome:
        """The outcome, at once by the wall clock."""
        self._workers.now = max(self._workers.now, self._at)
        return super().result(timeout)

    def done(self) -> bool:
        """Whether it is there by now, on the virtual clock."""
        return self._at <= self._workers.now


class VirtualPool:
    """As many workers as wanted on virtual time; first come, first served. ``now`` is in seconds from the start.

    Raises ValueError without a worker.
    """

    def __init__(self, inner: Answers, workers: int, law: Law, seed: int = 0) -> None:
        if workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {workers}")
        self.tier, self.layers = inner.tier, inner.layers
        self.now, self.worked, self.lost, self.jobs = 0.0, 0.0, 0, 0
        self._inner, self._law, self._rng = inner, law, random.Random(seed)
        self._free = [0.0] * workers

    @property
    def busy(self) -> int:
        """How many workers have a job at this virtual moment."""
        return sum(free > self.now for free in self._free)

    def submit(self, job: Job) -> Future[Outcome]:
        """Queue one job."""
        return self._queued([job])[0]

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs side by side; return their outcomes in the jobs' order."""
        return [arrival.result() for arrival in self._queued(jobs)]

    def together(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs one after the other on one worker."""
        outcomes = self._inner.map(jobs)
        self.now = max([self.now, self._placed(sum(max(1, len(one.outputs)) for one in outcomes))])
        return outcomes

    def close(self) -> None:
        """End what ran the jobs for real."""
        self._inner.close()

    def _queued(self, jobs: Sequence[Job]) -> list[Arrival]:
        arrivals = []
        for outcome in self._inner.map(jobs):
            arrival = Arrival(self, self._placed(max(1, len(outcome.outputs))))
            arrival.set_result(outcome)
            arrivals.append(arrival)
        return arrivals

    def _placed(self, answers: int) -> float:
        """Give a job to the worker that is free first; returns when it will be done."""
        taken, lost = self._law.draw(self._rng, answers)
        end = max(self.now, heapq.heappop(self._free)) + taken
        heapq.heappush(self._free, end)
        self.worked, self.lost, self.jobs = self.worked + taken, self.lost + lost, self.jobs + 1
        return end
