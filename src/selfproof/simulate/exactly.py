"""Exact probabilities, without a statistics library: binomial bounds, Student's tail, empirical Bernstein."""

from __future__ import annotations

import math


def upper_bound(events: int, trials: int, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson: the largest rate at which so few events still have a chance of 1 - confidence.

    Raises:
        ValueError: more events than trials, or no trial.
    """
    if not 0 <= events <= trials or trials < 1:
        raise ValueError(f"{events} events cannot come from {trials} trials")
    if events == trials:
        return 1.0
    low, high = events / trials, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        if binomial_cdf(events, trials, rate) > 1 - confidence:
            low = rate
        else:
            high = rate
    return high


def binomial_cdf(events: int, trials: int, rate: float) -> float:
    """P(at most ``events`` of ``trials``)."""
    if rate <= 0.0 or rate >= 1.0:
        return float(rate <= 0.0 or events >= trials)
    parts = (
        math.lgamma(trials + 1) - math.lgamma(i + 1) - math.lgamma(trials - i + 1)
        + i * math.log(rate) + (trials - i) * math.log1p(-rate)
        for i in range(events + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(math.exp(part) for part in parts))


def student_tail(t: float, freedom: int) -> float:
    """P(T > t) for Student's t, t >= 0, by Simpson's rule on the density in the angle (relative error below 1e-6).

    With t = sqrt(freedom) tan(u) the tail is an integral of cos(u)^(freedom - 1) up to a right angle.
    """
    start, steps = math.atan(t / math.sqrt(freedom)), 400
    width = (math.pi / 2 - start) / steps
    total = math.fsum(
        (1 if i in {0, steps} else 4 if i % 2 else 2) * math.cos(start + i * width) ** (freedom - 1)
        for i in range(steps + 1)
    )
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    return scale * total * width / 3


def bernstein_radius(variance: float, n: int, level: float, *, width: float) -> float:
    """Half-width of the empirical Bernstein bound (Maurer & Pontil 2009, theorem 4) for values in a range of width."""
    log = math.log(2 / level)
    return math.sqrt(2 * variance * log / n) + 7 * width * log / (3 * (n - 1))
