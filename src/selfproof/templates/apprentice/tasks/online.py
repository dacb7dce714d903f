"""People's rules that learn from the passage they read, tuned, beside those that do not. Trusted, never in a jail.

Kuhn & De Mori 1990: the static guess and a cache's are added, here with the passage's contexts of up to twelve
characters in the place of their single words. Prediction by partial matching as it is used in compressors: the
passage's counts are added to those learned long ago, with a weight, and contexts may be longer than the longest of
those. Last, Kneser-Ney with the passage's orders backing off to it: no textbook's, but what suggests itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selfproof.trial.task import Baseline

from . import stream, tuning
from .corpora import ORDERS, SYMBOLS
from .counts import Counts
from .rules import RULES, Array, share

LONGEST = 12
FLOOR = tuning.FLOOR
Rows = NDArray[np.float32]


def passage_rows(drawn: NDArray[np.uint8], step: int) -> Rows:
    """What followed, within each passage before this step, its last 0 to 12 characters: (passages, 13, symbols)."""
    end = stream.PAST + step
    text = drawn[:, :end]
    agree, same = np.zeros(text.shape, dtype=np.int64), text != stream.NOTHING
    same[:, 0] &= True
    for back in range(1, LONGEST + 1):
        same[:, :back] = False
        same[:, back:] &= text[:, :-back] == text[:, -back][:, None]
        agree += same
    keys = (np.arange(len(text))[:, None] * (LONGEST + 1) + agree) * SYMBOLS + text
    found = np.bincount(keys[text != stream.NOTHING], minlength=len(text) * (LONGEST + 1) * SYMBOLS)
    found = found.reshape(len(text), LONGEST + 1, SYMBOLS)
    return found[:, ::-1].cumsum(axis=1)[:, ::-1].astype(np.float32)


@dataclass(frozen=True)
class Order:
    """For each position: the truth's count and the sum, learned long ago (c, t) and in the passage (k, u); how many
    symbols differ from 0 in both together (d) and in the passage (e)."""

    c: Array
    t: Array
    k: Array
    u: Array
    d: Array
    e: Array


class Reading:
    """What the rules need of some samples' passages, step by step."""

    def __init__(self, counts: Counts, samples: Sequence[NDArray[np.uint8]]) -> None:
        blocks: list[tuning.Block] = []
        both: list[list[Array]] = []
        apart: list[list[Array]] = []
        self.passages = [len(drawn) for drawn in samples]
        for drawn in samples:
            for step in range(stream.STEPS):
                known, truth = stream.contexts(drawn, step), drawn[:, stream.PAST + step]
                rows, passage = counts.rows(known), passage_rows(drawn, step)
                blocks.append(tuning.Block(rows, counts.continued.rows(known), truth))
                longer = np.zeros_like(passage)
                longer[:, :ORDERS] = rows
                both.append(_columns(longer, passage, truth))
                free = tuning.excluded(longer + passage) > 0
                apart.append(_columns(longer * free, passage * free, truth))
        self.static = tuning.Evidence(blocks)
        self.both, self.apart = _orders(both), _orders(apart)

    def means(self, q: Array) -> tuple[tuple[float, ...], ...]:
        """Bits of each passage, by sample, from the truth's probability at each position."""
        bits = -np.log2(q * (1.0 - FLOOR) + FLOOR / SYMBOLS)
        found, place = [], 0
        for size in self.passages:
            part = bits[place : place + size * stream.STEPS].reshape(stream.STEPS, size)
            found.append(tuple(part.mean(axis=0).tolist()))
            place += size * stream.STEPS
        return tuple(found)


def _columns(rows: Rows, passage: Rows, truth: NDArray[np.uint8]) -> list[Array]:
    at, kinds = np.arange(len(truth)), np.count_nonzero(rows + passage, axis=2)
    parts = (rows[at, :, truth], rows.sum(axis=2), passage[at, :, truth], passage.sum(axis=2), kinds,
             np.count_nonzero(passage, axis=2))  # fmt: skip
    return [np.asarray(part, dtype=np.float64) for part in parts]


def _orders(parts: Sequence[Sequence[Array]]) -> list[Order]:
    columns = [np.ascontiguousarray(np.concatenate(part).T) for part in zip(*parts, strict=True)]
    return [Order(*(column[n] for column in columns)) for n in range(LONGEST + 1)]


def _weight(a: float) -> float:
    return float(np.exp(np.clip(a, -30, 30)))


def cached(of: Reading, static: Array, a: Array) -> Array:
    """(1 - l) times the static guess and l times the cache's, which backs off as Witten & Bell do."""
    return (1 - share(a[-1])) * static + share(a[-1]) * _upon(of, np.full(len(static), 1 / SYMBOLS), a[:-1], 0)


def backed(of: Reading, static: Array, a: Array) -> Array:
    """The passage's orders from the second on, backing off to the static guess."""
    return _upon(of, static, a, 2)


def _upon(of: Reading, q: Array, a: Array, least: int) -> Array:
    for order, x in zip(of.both[least:], a[least:], strict=True):
        w = _weight(x) * order.e
        q = np.where(order.u > 0, (order.k + w * q) / (order.u + w), q)
    return q


def added(of: Reading, static: Array, a: Array) -> Array:
    """Witten-Bell on learned counts and b times the passage's."""
    del static
    q = np.full(len(of.both[0].c), 1 / SYMBOLS)
    for order, x, y in zip(of.both, a[: LONGEST + 1], a[LONGEST + 1 :], strict=True):
        w, b = _weight(x) * order.d, _weight(y)
        q = np.where(order.d > 0, (order.c + b * order.k + w * q) / (order.t + b * order.u + w), q)
    return q


def matched(of: Reading, static: Array, a: Array) -> Array:
    """PPM with escape C and full exclusion on learned counts and b times the passage's."""
    del static
    q = of.static.below["excluded"]
    for order, x, y in zip(of.apart, a[: LONGEST + 1], a[LONGEST + 1 :], strict=True):
        w, b = _weight(x) * order.d, _weight(y)
        found = order.c + b * order.k
        q = np.where(order.d > 0, np.where(found > 0, found, w * q) / (order.t + b * order.u + w), q)
    return q


ONLINE: dict[str, tuple[Callable[[Reading, Array, Array], Array], list[float]]] = {
    "and a cache": (cached, [1.0] * (LONGEST + 1) + [-1.0]),
    "and the passage upon it": (backed, [2.5] * (LONGEST + 1)),
    "Witten-Bell, learning on": (added, [1.75] * (LONGEST + 1) + [0.0] * (LONGEST + 1)),
    "PPM-C, learning on": (matched, [0.0] * (LONGEST + 1) + [0.0] * (LONGEST + 1)),
}


@dataclass(frozen=True)
class Tuned:
    """A rule with its best parameters: the truth's probability at each explore and at each report position."""

    name: str
    told: str
    known: Array
    new: Array


def tuned(
    counts: Counts, explore: Sequence[NDArray[np.uint8]], report: Sequence[NDArray[np.uint8]], evaluations: int,
    seed: int,
) -> list[Baseline]:  # fmt: skip
    """Every rule with its mean bits on the report passages; all are tuned on the explore passages."""
    shown = Reading(counts, report)
    found = rules(Reading(counts, explore), shown, evaluations, seed)
    return [Baseline(rule.name, rule.told, shown.means(rule.new)) for rule in found]


def rules(learned: Reading, shown: Reading, evaluations: int, seed: int) -> list[Tuned]:
    """All rules, tuned on what was ``learned``; those that learn from the passage lie on the best that does not."""
    found: list[Tuned] = []
    for name, rule in RULES.items():
        _, parameters = tuning.tune(rule, learned.static, evaluations, seed)
        known, new = (_mass(of.static.bits(rule, parameters)) for of in (learned, shown))
        found.append(Tuned(f"{name}, static", _told(parameters), known, new))
    best = min(found, key=lambda rule: bits(rule.known))
    for name, (step, start) in ONLINE.items():
        with np.errstate(all="ignore"):
            parameters = _climbed(step, learned, best.known, np.array(start), evaluations, seed)
            guesses = [step(of, q, parameters) for of, q in ((learned, best.known), (shown, best.new))]
        used = best.name.removesuffix(", static")
        found.append(Tuned(f"{used} {name}" if name.startswith("and ") else name, _told(parameters), *guesses))
    return found


def _climbed(step: Any, of: Reading, static: Array, start: Array, evaluations: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return tuning.climb(lambda a: bits(step(of, static, a)), start, evaluations, rng)


def _mass(bits: Array) -> Array:
    found: Array = (2.0**-bits - FLOOR / SYMBOLS) / (1.0 - FLOOR)
    return found


def bits(q: Array) -> float:
    """Mean bits, from the truth's probability at each position."""
    return float(-np.log2(q * (1.0 - FLOOR) + FLOOR / SYMBOLS).mean())


def _told(parameters: Array) -> str:
    return " ".join(f"{p:.2f}" for p in parameters.ravel())
