"""How large a gain is: estimates from fresh pairs, with 95% intervals.

The verdict says *that* something is better, never how much: effects are estimated on pairs that no decision has
seen, because the pairs that made a candidate win are biased by having won.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval and the number of pairs (or blocks) behind it."""

    value: float
    low: float
    high: float
    n: int


def student_t(freedom: int) -> float:
    """The 97.5% quantile of Student's t, by the Cornish-Fisher expansion (error below .002 from 10 degrees on)."""
    if freedom < 4:
        return {1: 12.706, 2: 4.303, 3: 3.182}[freedom]
    z = statistics.NormalDist().inv_cdf(0.975)
    terms = (
        z,
        (z**3 + z) / (4 * freedom),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3),
    )
    return math.fsum(terms)


def mean_interval(values: Sequence[float]) -> Estimate:
    """Mean of independent block values with Student's interval.

    Raises:
        ValueError: fewer than two values.
    """
    if len(values) < 2:
        raise ValueError("an interval needs at least two blocks")
    centre = math.fsum(values) / len(values)
    half = student_t(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return Estimate(centre, centre - half, centre + half, len(values))


def median_interval(values: Sequence[float]) -> Estimate:
    """Median with the distribution-free interval from order statistics (binomial, coverage at least 95%).

    Raises:
        ValueError: fewer than six values, where no such interval exists.
    """
    n = len(values)
    if n < 6:
        raise ValueError("a distribution-free 95% interval needs at least six pairs")
    ordered = sorted(values)
    tail, rank = 0.5**n, 0
    while tail + math.comb(n, rank + 1) * 0.5**n <= 0.025:
        rank += 1
        tail += math.comb(n, rank) * 0.5**n
    return Estimate(statistics.median(ordered), ordered[rank], ordered[n - 1 - rank], n)


def blind_spot(pairs: int, alpha: float) -> float:
    """q*: losses rarer than this share of runs would have been missed, ``1 - a^(1/n)``; 0 where a = 0 (exact)."""
    if not alpha:
        return 0.0
    return 1.0 - alpha ** (1.0 / pairs) if pairs else 1.0
