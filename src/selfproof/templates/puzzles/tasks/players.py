"""Policies that people would write for the Game of 24, each tuned: what a found one is compared with. Trusted code."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from selfproof.trial.task import Sample

if TYPE_CHECKING:
    from .game24 import Game24

Floats = NDArray[np.float64]
Rule = Callable[[Floats, Sequence[float]], Floats]


def _numbers(states: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The numbers of each state, and which of the three places hold one."""
    return states[:, :3], np.arange(3) < states[:, 3:]


def any_order(states: Floats, p: Sequence[float]) -> Floats:
    """Lots, a new one for each state, fewer numbers no sooner."""
    del p
    lots: Floats = np.abs(np.sin(states @ np.array([3.17, 41.3, 7.77, 11.1])) * 9973.13) % 1.0
    return lots


def depth_first(states: Floats, p: Sequence[float]) -> Floats:
    """Fewer numbers first."""
    del p
    return -states[:, 3]


def nearest(states: Floats, p: Sequence[float]) -> Floats:
    """How near to 24 the nearest number is, and a weight for the numbers that are left."""
    values, there = _numbers(states)
    near: Floats = np.where(there, np.abs(values - 24.0), np.inf).min(axis=1)
    return -near - p[0] * states[:, 3]


def factors(states: Floats, p: Sequence[float]) -> Floats:
    """The same, with a bonus for each number that divides 24 and a price for each that is no integer."""
    values, there = _numbers(states)
    whole = there & (values == np.round(values))
    divides = whole & (values > 0) & (24.0 % np.maximum(values, 1.0) == 0)
    found: Floats = nearest(states, p) + p[1] * divides.sum(axis=1) - p[2] * (there & ~whole).sum(axis=1)
    return found


RULES: dict[str, tuple[Rule, int]] = {
    "any order": (any_order, 0),
    "fewest numbers first": (depth_first, 0),
    "nearest |v - 24|": (nearest, 1),
    "nearest |v - 24|, factors, fractions": (factors, 3),
}


def _tries(size: int, evaluations: int, seed: int) -> Iterator[list[float]]:
    """A grid over the first parameter, the others 1; then points drawn over several orders of magnitude."""
    grid = [0.0, *np.geomspace(0.05, 50.0, 31).tolist()]
    rng = np.random.default_rng(seed)
    yield from ([value, *[1.0] * (size - 1)] for value in grid)
    for _ in range(max(0, evaluations - len(grid)) if size > 1 else 0):
        yield np.exp(rng.uniform(np.log(0.05), np.log(50.0), size)).tolist()


def tuned(
    task: Game24, explore: Sequence[Sample], evaluations: int, seed: int
) -> Iterator[tuple[str, Rule, list[float]]]:
    """Every rule with its best parameters on the explore blocks: all tries on two of them, the best 16 on all."""
    for name, (rule, size) in RULES.items():
        tries: list[list[float]] = list(_tries(size, evaluations, seed)) if size else [[]]
        tries.sort(key=lambda p, rule=rule: -_mean(task, explore[:2], rule, p))  # type: ignore[misc]
        yield name, rule, max(tries[:16], key=lambda p, rule=rule: _mean(task, explore, rule, p))  # type: ignore[misc]


def _mean(task: Game24, samples: Sequence[Sample], rule: Rule, p: Sequence[float]) -> float:
    return statistics.fmean(chain.from_iterable(task.draws(s, rule(s.value, p)) for s in samples))
