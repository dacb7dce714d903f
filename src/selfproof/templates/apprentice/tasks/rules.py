"""Rules that people use to merge counts, each tuned: what the memory has to be compared with. Trusted, never in a jail.

Jelinek & Mercer 1980; Witten & Bell 1991; Ney, Essen & Kneser 1994 (absolute discounting); MacKay & Peto 1995
(Dirichlet). Each is tuned twice, with one parameter for all orders and with one for each order, on blocks of the
explore split. Interpolated Kneser-Ney needs counts of left contexts, which this memory does not keep; it is not here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from selfproof.trial.task import Baseline

from .corpora import ORDERS, SYMBOLS

FLOOR = 1e-4
Array = NDArray[np.float64]
Block = tuple[NDArray[np.float32], NDArray[np.uint8]]
Rule = Callable[[Array, Array, Array, Array, float], Array]


def _share(a: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(a, -30, 30))))


def _jelinek_mercer(c: Array, t: Array, d: Array, q: Array, a: float) -> Array:
    del d
    return _share(a) * c / t + (1 - _share(a)) * q


def _witten_bell(c: Array, t: Array, d: Array, q: Array, a: float) -> Array:
    weight = np.exp(np.clip(a, -30, 30)) * d
    found: Array = (c + weight * q) / (t + weight)
    return found


def _dirichlet(c: Array, t: Array, d: Array, q: Array, a: float) -> Array:
    del d
    mass = np.exp(np.clip(a, -30, 30))
    found: Array = (c + mass * q) / (t + mass)
    return found


def _absolute_discount(c: Array, t: Array, d: Array, q: Array, a: float) -> Array:
    found: Array = (np.maximum(c - _share(a), 0) + _share(a) * d * q) / t
    return found


RULES: dict[str, Rule] = {
    "Jelinek-Mercer": _jelinek_mercer,
    "Witten-Bell": _witten_bell,
    "Dirichlet": _dirichlet,
    "absolute discounting": _absolute_discount,
}


class _Evidence:
    """What a rule needs of some blocks: for each position and order the truth's count, the sum, the distinct ones."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        rows = [r for r, _ in blocks]
        self.sizes = [len(y) for _, y in blocks]
        self.c = np.concatenate([r[np.arange(len(y)), :, y] for r, y in blocks]).astype(np.float64)
        self.t = np.concatenate([r.sum(axis=2) for r in rows]).astype(np.float64)
        self.d = np.concatenate([np.count_nonzero(r, axis=2) for r in rows]).astype(np.float64)

    def bits(self, rule: Rule, parameters: Sequence[float]) -> Array:
        """Bits of each position under a rule; a context that was never seen passes the lower order's guess on."""
        q = np.full(len(self.c), 1.0 / SYMBOLS)
        for n in range(ORDERS):
            seen = self.t[:, n] > 0
            p = rule(self.c[:, n], np.maximum(self.t[:, n], 1.0), self.d[:, n], q, parameters[n])
            q = np.where(seen, p, q)
        bits: Array = -np.log2(q * (1.0 - FLOOR) + FLOOR / SYMBOLS)
        return bits


def _tune(rule: Rule, evidence: _Evidence, evaluations: int, seed: int) -> tuple[list[float], list[float]]:
    """The best single parameter (41 on a grid), then the best seven by a random hill climb from there."""
    grid = [[float(a)] * ORDERS for a in np.linspace(-5, 5, 41)]
    single = min(grid, key=lambda p: float(evidence.bits(rule, p).mean()))
    rng = np.random.default_rng(seed)
    best, least, step = np.array(single), float(evidence.bits(rule, single).mean()), 0.5
    for _ in range(max(0, evaluations - len(grid))):
        tried = best + rng.normal(0, step, ORDERS) * (rng.random(ORDERS) < 0.4)
        value = float(evidence.bits(rule, tried.tolist()).mean())
        step = max(0.02, step * (1.1 if value < least else 0.995))
        if value < least:
            best, least = tried, value
    return single, best.tolist()


def tuned(explore: Sequence[Block], report: Sequence[Block], evaluations: int, seed: int) -> list[Baseline]:
    """Every rule, both ways of tuning it, with its bits on the report blocks."""
    learned, shown = _Evidence(explore), _Evidence(report)
    found = []
    for name, rule in RULES.items():
        for how, parameters in zip(
            ("one parameter", "one per order"), _tune(rule, learned, evaluations, seed), strict=True
        ):
            bits = shown.bits(rule, parameters).tolist()
            cuts = np.cumsum([0, *shown.sizes]).tolist()
            draws = tuple(tuple(bits[a:b]) for a, b in pairwise(cuts))
            text = " ".join(f"{p:.2f}" for p in (parameters[:1] if how == "one parameter" else parameters))
            found.append(Baseline(f"{name}, {how}", text, draws))
    return found
