"""Guards: what must never get worse, tested as non-inferiority against versions that a person can point to.

``G_n = (1/8) sum_l prod (1 + l (x_j + e) / (1 - e))`` for differences ``x_j`` in [-1, 1] (positive = better) and
margin e: under "worse by at least e" its expectation never exceeds 1; the guard passes at ``1 / guard_alpha``. Draws
come in blocks and may be stratified within one (see ``gate``), so the wealth is looked at after whole blocks only.
References are the anchor and the high-water version of the guard's metric, never the moving incumbent, so a chain of
losses that are each within the margin cannot add up. All guards must pass, which costs no alpha. A guard whose
samples are a whole population, a test suite, is judged exactly: its losses are added up, and no gain offsets them.

Does not protect against: what no guard measures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from selfproof.certify.betting import Wealth
from selfproof.certify.gate import Pair
from selfproof.certify.spending import gamma

LIFETIME = 0.05


@dataclass(frozen=True)
class GuardResult:
    """``passed``: not worse than the margin; ``better``: shown to be better than the reference at the same level."""

    passed: bool
    better: bool
    log_wealth: float
    log_threshold: float
    draws: int


def guard_level(adoption: int) -> float:
    """The level for the guards of the adoption with this number (1, 2, ...): .05 over the whole life."""
    return LIFETIME * gamma(adoption)


def judge_guard(blocks: Sequence[Sequence[float]], *, margin: float, span: float, level: float) -> GuardResult:
    """Test blocks of draws' differences (metric's unit, positive = better) against a loss of ``margin`` in the mean.

    Raises:
        ValueError: a difference outside the span, or a margin that is not between 0 and the span.
    """
    if not 0.0 < margin < span:
        raise ValueError(f"a guard's margin must lie between 0 and {span}, got {margin}")
    threshold = -math.log(level)
    worse, better = Wealth(), Wealth()
    passed = is_better = False
    for block in blocks:
        for value in block:
            if not -span <= value <= span:
                raise ValueError(f"a draw's difference lies outside the metric's span of {span}")
            worse.bet((value + margin) / (span - margin))
            better.bet(value / span)
        passed = passed or worse.log >= threshold
        is_better = is_better or better.log >= threshold
    return GuardResult(passed, is_better, worse.log, threshold, sum(map(len, blocks)))


def judge_suite(pairs: Sequence[Pair], items: int, margin: float) -> GuardResult:
    """All ``items`` of a whole population, run twice in the same order: passed if every result repeats and the losses
    of single items come to at most ``margin`` per item, whatever others gain."""
    first = pairs[:items]
    repeats = len(first) == items and list(pairs[items:]) == list(first)
    lost = math.fsum(max(0.0, -pair.y) for pair in first)
    gained = math.fsum(pair.y for pair in first) > 0
    return GuardResult(repeats and lost <= margin * items, repeats and gained, 0.0, 0.0, len(pairs))
