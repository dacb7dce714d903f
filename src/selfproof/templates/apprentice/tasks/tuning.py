"""Tuning people's rules and scoring them: only the truth's probability is computed, which is fast. Trusted.

Each rule is tuned twice on blocks of the explore split: with the same parameters for all orders, and with its own for
each order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from selfproof.trial.task import Baseline

from .corpora import ORDERS, SYMBOLS
from .rules import RULES, Array, Rule, Sort, Step

FLOOR = 1e-4
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """Plain and Kneser & Ney's counts (positions, orders, symbols), and what followed."""

    rows: Rows
    continued: Rows
    truth: NDArray[np.uint8]


class Evidence:
    """What rules need of some blocks, for each sort of counts: ``Step`` of each order and the guess below order 0."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.sizes = [len(block.truth) for block in blocks]
        sorts: dict[Sort, Callable[[Block], Rows]] = {
            "plain": lambda block: block.rows,
            "continued": lambda block: block.continued,
            "excluded": lambda block: excluded(block.rows),
        }
        self.steps = {sort: _steps([(take(block), block.truth) for block in blocks]) for sort, take in sorts.items()}
        uniform = np.full(sum(self.sizes), 1.0 / SYMBOLS)
        left = np.concatenate([SYMBOLS - np.count_nonzero(block.rows[:, 0], axis=1) for block in blocks])
        self.below: dict[Sort, Array] = {
            "plain": uniform, "continued": uniform, "excluded": 1.0 / np.maximum(left, 1.0),
        }  # fmt: skip

    def bits(self, rule: Rule, parameters: Array) -> Array:
        """Bits of each position; a context that was never seen passes the lower order's guess on.

        parameters: (orders, ``rule.size``).
        """
        q = self.below[rule.sort]
        with np.errstate(all="ignore"):  # where nothing was counted there is a division by 0, which is left out
            for of, a in zip(self.steps[rule.sort], parameters, strict=True):
                q = np.where(of.t > 0, rule.step(of, q, a), q)
        bits: Array = -np.log2(q * (1.0 - FLOOR) + FLOOR / SYMBOLS)
        return bits


def excluded(rows: Rows) -> Rows:
    """The counts without the symbols that followed a longer context: an escape says that it is none of them."""
    longer: NDArray[np.bool_] = np.zeros(rows.shape, dtype=np.bool_)
    longer[:, :-1] = np.cumsum(rows[:, :0:-1], axis=1)[:, ::-1] > 0
    return rows * ~longer


def _steps(parts: Sequence[tuple[Rows, NDArray[np.uint8]]]) -> list[Step]:
    c = np.concatenate([rows[np.arange(len(truth)), :, truth] for rows, truth in parts])
    t = np.concatenate([rows.sum(axis=2) for rows, _ in parts])
    kinds = [[np.count_nonzero(of, axis=2) for of in (rows > 0, rows == 1, rows == 2)] for rows, _ in parts]
    d, ones, twos = (np.concatenate(column) for column in zip(*kinds, strict=True))
    columns = [np.ascontiguousarray(part.T, dtype=np.float64) for part in (c, t, d, ones, twos)]
    return [Step(*(column[order] for column in columns)) for order in range(ORDERS)]


def climb(value: Callable[[Array], float], best: Array, steps: int, rng: np.random.Generator) -> Array:
    """A random climb from ``best`` towards a lower value: some of the parameters moved at a time."""
    least, step = value(best), 0.5
    for _ in range(steps):
        tried = best + rng.normal(0, step, best.shape) * (rng.random(best.shape) < 0.4)
        found = value(tried)
        step = max(0.02, step * (1.1 if found < least else 0.995))
        if found < least:
            best, least = tried, found
    return best


def tune(rule: Rule, evidence: Evidence, evaluations: int, seed: int) -> tuple[Array, Array]:
    """The best parameters for all orders (41 on a grid, then a random climb), and the best for each from there."""
    grid = [np.full((1, rule.size), a) for a in np.linspace(-5, 5, 41)]
    rng = np.random.default_rng(seed)

    def value(parameters: Array) -> float:
        return float(evidence.bits(rule, np.broadcast_to(parameters, (ORDERS, rule.size))).mean())

    left = max(0, evaluations - len(grid))
    single = climb(value, min(grid, key=value), left // 8 if rule.size > 1 else 0, rng)
    return single, climb(value, np.repeat(single, ORDERS, axis=0), left, rng)


def tuned(explore: Sequence[Block], report: Sequence[Block], evaluations: int, seed: int) -> list[Baseline]:
    """Every rule, both ways of tuning it, with its bits on the report blocks."""
    learned, shown = Evidence(explore), Evidence(report)
    cuts = np.cumsum([0, *shown.sizes]).tolist()
    found = []
    for name, rule in RULES.items():
        ways = ("one parameter" if rule.size == 1 else f"{rule.size} parameters", "one per order")
        both = zip(ways, tune(rule, learned, evaluations, seed), strict=True)
        for how, parameters in both:
            bits = shown.bits(rule, np.broadcast_to(parameters, (ORDERS, rule.size))).tolist()
            text = " ".join(f"{p:.2f}" for p in parameters.ravel())
            found.append(Baseline(f"{name}, {how}", text, tuple(tuple(bits[a:b]) for a, b in pairwise(cuts))))
    return found
