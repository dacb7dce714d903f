"""Dispatching as a task: priorities of waiting jobs that keep the weighted tardiness of unseen instances low. Trusted.

A sample is a block of 24 instances. The program sees every question that any of them can lead to, each once, mixed,
and answers with one priority for each; the simulation runs here (``plant.py``). Instances are drawn without end, other
ones for each split and seed, so nothing wears out: a claim is about the distribution in ``plant.drawn``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from selfproof.nouns import Split
from selfproof.trial.task import Baseline, Sample, Task

from . import dispatchers
from .game24 import answered
from .plant import JOBS, LOAD, MACHINES, Jobs, Plant, drawn

INSTANCES = 24
SPAN = 3.0
SPLITS: tuple[Split, ...] = ("explore", "confirm", "report")

Floats = NDArray[np.float64]


class Shop(Task):
    """Weighted tardiness as a share of what first in, first out leaves on the same instance, at most 3."""

    metric = "tardiness_to_fifo"
    better = "lower"
    span = SPAN

    def pool(self, split: Split) -> dict[str, object]:
        """What the claim is about: a distribution, without end."""
        return {"split": split, "instances": "fresh", "jobs": JOBS, "machines": MACHINES, "load": LOAD}

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` blocks of fresh instances."""
        rng = np.random.default_rng([SPLITS.index(split), seed])
        return [self.block(drawn(rng, INSTANCES), rng) for _ in range(n)]

    def block(self, jobs: Jobs, rng: np.random.Generator) -> Sample:
        """A sample of these instances; hidden are the simulation, where each question is, and FIFO's tardiness."""
        plant = Plant(jobs)
        questions = plant.asked()
        order = rng.permutation(len(questions))
        return Sample(questions[order], (plant, order, plant.tardiness(np.zeros(1), everywhere=True)))

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """The score of each instance.

        Raises:
            InvalidAnswer: not one finite float for each question.
        """
        priorities = answered(answer, len(sample.value))
        if sample.hidden is None:  # questions in other company belong to no instance
            return []
        plant, order, fifo = sample.hidden
        mixed = np.empty(len(priorities))
        mixed[order] = priorities
        values: list[float] = np.minimum(plant.tardiness(mixed) / fifo, SPAN).tolist()
        return values

    def rows(self, sample: Sample, answer: object) -> Floats:
        """The priorities as a column: they are compared as they are."""
        return answered(answer, len(sample.value))[:, None]

    def regroup(self, samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[tuple[int, int]]]:
        """The questions of all instances mixed anew, and where each of them came from."""
        origin = [(i, j) for i, sample in enumerate(samples) for j in range(len(sample.value))]
        order = np.random.default_rng(seed).permutation(len(origin))
        questions = np.concatenate([sample.value for sample in samples])
        found = [Sample(np.ascontiguousarray(questions[cut])) for cut in np.array_split(order, len(samples))]
        return found, [origin[i] for i in order]

    def damaged(self, source: str, function: str, strength: float = 0.95) -> str:
        """The rule with this share of its answers replaced by the worst: last, light and long jobs before others."""
        return f"""{source}

_before_{function} = {function}


def {function}(questions):
    found = _before_{function}(questions)
    lot = np.abs(np.sin(questions @ np.array([12.9898, 78.233, 37.719, 4.581])) * 43758.5453) % 1.0
    return np.where(lot < {strength!r}, -1e30 * questions[:, 0] / questions[:, 1], found)
"""

    def tempting(self, source: str, function: str) -> str:
        """The rule that gives up every job that will be late anyway: fewer are late, and those very much so."""
        return f"""{source}

_before_{function} = {function}


def {function}(questions):
    return _before_{function}(questions) - np.where(questions[:, 2] < questions[:, 1], 1e30, 0.0)
"""

    def baselines(self, seed: int, evaluations: int, samples: Sequence[Sample]) -> list[Baseline]:
        """The rules of ``dispatchers.py`` on these samples, tuned on blocks of the explore split."""
        explore = self.samples("explore", seed, 8)
        found = []
        for name, rule, k in dispatchers.tuned(self, explore):
            draws = tuple(tuple(self.draws(s, rule(s.value, k))) for s in samples)
            found.append(Baseline(name, f"k = {k:.3f}" if k else "nothing to tune", draws))
        return found
