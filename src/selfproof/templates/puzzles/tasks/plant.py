"""Instances of a dispatching problem and the simulation of them, on the trusted side.

Two identical machines; jobs with a weight, a processing time and a due date arrive over time and are not known before.
Whenever a machine is free and jobs wait, it takes the one with the highest priority, and keeps it to its end. Times are
integers, so all that a rule can ever be asked is known beforehand: each job at each time from its arrival on. A rule
answers once, for all of it; what follows from its answers is simulated here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

JOBS = 16
MACHINES = 2
LONGEST = 10
HEAVIEST = 10
MEAN = (1 + LONGEST) / 2
LOAD = 0.95
LEAST_TARDY = MEAN * MEAN
"""First in, first out must leave at least this weighted tardiness, so that a ratio to it means something."""

FAR = 1 << 40

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Jobs:
    """Instances (n, jobs): weights, processing times, arrivals in ascending order, due dates."""

    weight: Ints
    time: Ints
    arrival: Ints
    due: Ints

    def __getitem__(self, which: Ints | slice) -> Jobs:
        """Some of the instances."""
        return Jobs(self.weight[which], self.time[which], self.arrival[which], self.due[which])

    @property
    def horizon(self) -> Ints:
        """For each instance the last time at which a job can begin, if no machine idles while jobs wait.

        Graham 1969: from the last arrival on, a job waits for at most an equal share of all the work.
        """
        last: Ints = self.arrival[:, -1] + self.time.sum(axis=1) // MACHINES
        return last


def drawn(rng: np.random.Generator, n: int) -> Jobs:
    """``n`` instances of independent jobs: what first in, first out masters without delay is not among them.

    Gaps between arrivals are geometric with a load of .95; a due date leaves a job .5 to 4 times its own length.
    """
    kept: list[Jobs] = []
    while sum(len(part.weight) for part in kept) < n:
        shape = (2 * n, JOBS)
        time = rng.integers(1, LONGEST + 1, shape)
        gaps = rng.geometric(1.0 / (1.0 + MEAN / (MACHINES * LOAD)), shape) - 1
        arrival = np.cumsum(gaps, axis=1) - gaps[:, :1]
        due = arrival + np.ceil(time * rng.uniform(0.5, 4.0, shape)).astype(np.int64)
        jobs = Jobs(rng.integers(1, HEAVIEST + 1, shape), time, arrival, due)
        tardy = Plant(jobs).tardiness(np.zeros(1), everywhere=True)
        kept.append(jobs[np.flatnonzero(tardy >= LEAST_TARDY)])
    parts = [np.concatenate([getattr(k, name) for k in kept])[:n] for name in ("weight", "time", "arrival", "due")]
    return Jobs(*parts)


class Plant:
    """Instances with all questions that a rule can be asked about them: ``questions`` (rows, 4), each once.

    A question is a job's weight, its processing time, the time left until its due date (it may be negative) and how
    long it has waited. Nothing in it says which job or which instance it is.
    """

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs

    def asked(self) -> NDArray[np.float32]:
        """The questions; where a job at a time has its row is kept."""
        jobs = self.jobs
        now = np.arange(jobs.horizon.max() + 1)
        waited = now - jobs.arrival[:, :, None]
        may = (waited >= 0) & (now <= jobs.horizon[:, None, None])
        left = jobs.due[:, :, None] - now
        parts = np.broadcast_arrays(jobs.weight[:, :, None], jobs.time[:, :, None], left, waited)
        here = np.stack([part[may] for part in parts], axis=1)
        low = here.min(axis=0)
        wide = here.max(axis=0) - low + 1
        _, first, inverse = np.unique(np.ravel_multi_index(tuple((here - low).T), tuple(wide)), True, True)
        self._rows = np.zeros(waited.shape, dtype=np.int64)
        self._rows[may] = inverse.ravel()
        return here[first].astype(np.float32)

    def tardiness(self, priorities: Floats, *, everywhere: bool = False) -> Floats:
        """priorities, one for each question -> the weighted tardiness of each instance; equal ones: who came first.

        ``everywhere``: the first priority is the answer to all questions.
        """
        jobs = self.jobs
        n, everyone = len(jobs.weight), np.arange(len(jobs.weight))
        free = np.zeros((n, MACHINES), dtype=np.int64)
        waits = np.ones((n, JOBS), dtype=bool)
        total = np.zeros(n)
        for _ in range(JOBS):  # each instance at its own next decision: a machine is free and a job is there
            machine = np.argmin(free, axis=1)
            now = np.maximum(free[everyone, machine], np.where(waits, jobs.arrival, FAR).min(axis=1))
            ready = waits & (jobs.arrival <= now[:, None])
            ranks = priorities[0] if everywhere else priorities[self._rows[everyone, :, now]]
            at = np.argmax(np.where(ready, ranks, -np.inf), axis=1)
            done = now + jobs.time[everyone, at]
            total += np.maximum(0, done - jobs.due[everyone, at]) * jobs.weight[everyone, at]
            free[everyone, machine] = done
            waits[everyone, at] = False
        return total
