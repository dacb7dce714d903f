"""How large a gain is: estimates from fresh pairs, with 95% intervals.

The verdict says *that* something is better, never how much: effects are estimated on pairs that no decision has
seen, because the pairs that made a candidate win are biased by having won. ``mean_interval`` and ``median_interval``
hold at a number of pairs that was fixed before; ``mean_sequence`` and ``median_sequence`` at every number at once, so
that they may be looked at after each pair, and as a reason to stop.

Does not protect against: pairs chosen after looking at them; a mean or median that moves while pairs are drawn;
``mean_interval`` is Student's, so close to 95% only where block means are close to normal.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINE = math.log(1 / 0.05)
SHARES = tuple(0.9 * 0.5**i for i in range(12))
"""Fractions bet in ``mean_sequence``: halving down to 1/2000, so that millions of draws still narrow the interval."""


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


def median_sequence(values: Sequence[float]) -> Estimate:
    """Median with a distribution-free 95% interval that holds at every number of values at once.

    Of n values k lie below the true median, each with chance 1/2 given those before it. The mixture of all bets on that
    coin under Jeffreys' prior, ``W = 2^n B(k + 1/2, n - k + 1/2) / B(1/2, 1/2)``, is a martingale, and the interval
    keeps the order statistics at whose rank W is below 1/.05 (Howard & Ramdas 2022, "Sequential estimation of
    quantiles"). With ties it covers at least as often: a value equal to the median may count on either side.

    Raises:
        ValueError: fewer than seven values, where no rank is excluded yet, or one that is not finite.
    """
    n = len(values)
    if n < 7:
        raise ValueError("an interval for the median that holds at every look needs at least seven values")
    if not all(map(math.isfinite, values)):
        raise ValueError("an interval needs finite values")

    def log_bet(below: int) -> float:
        beta = math.lgamma(below + 0.5) + math.lgamma(n - below + 0.5) - math.lgamma(n + 1)
        return beta - math.log(math.pi) + n * math.log(2.0)

    rank = bisect.bisect_left(range(n // 2), True, key=lambda below: log_bet(below) < LINE)
    ordered = sorted(values)
    return Estimate(statistics.median(ordered), ordered[rank - 1], ordered[n - rank], n)


class _Sums:
    """Number, least value and first four power sums of draws: what the wealth against any mean is bounded with."""

    def __init__(self) -> None:
        self.n, self.least = 0, math.inf
        self.powers = [0.0] * 4

    def add(self, draws: Sequence[float]) -> None:
        self.n += len(draws)
        self.least = min(self.least, *draws)
        for i in range(4):
            self.powers[i] += math.fsum(x ** (i + 1) for x in draws)

    def log_wealth(self, mean: float, span: float) -> float:
        """At most the log-wealth of ``(1/12) sum_l prod (1 + l (x - mean) / (span + mean))``, never more.

        Each factor is ``c / (span + mean) * (1 + t)`` with ``c = span + (1 - l) mean`` and ``t = l x / c``. For t >= a,
        ``log(1 + t) >= t - t^2/2 + t^3/3 + h(a) t^4``: the remainder over t^4 is h(t), and h increases.
        """
        first, second, third, fourth = self.powers
        logs = []
        for share in SHARES:
            c = span + (1.0 - share) * mean
            rate = share / c
            tail = _remainder(rate * self.least)
            expanded = rate * (first + rate * (-second / 2 + rate * (third / 3 + rate * tail * fourth)))
            logs.append(self.n * math.log(c / (span + mean)) + expanded)
        top = max(logs)
        return top + math.log(math.fsum(math.exp(log - top) for log in logs) / len(SHARES))

    def least_mean(self, span: float, known: float) -> float:
        """Every mean below this is excluded; not below ``known``, 20 halvings towards the mean of the draws."""
        low, high = known, self.powers[0] / self.n
        for _ in range(20 if low < high else 0):
            middle = (low + high) / 2
            if self.log_wealth(middle, span) >= LINE + math.log(2.0):
                low = middle
            else:
                high = middle
        return low


def _remainder(t: float) -> float:
    """h(t) = (log(1 + t) - t + t^2/2 - t^3/3) / t^4, which increases from t = -1 on."""
    if abs(t) < 1e-3:
        return -0.25 + t / 5 - t * t / 6
    return (math.log1p(t) - t * (1.0 - t * (0.5 - t / 3))) / t**4


def mean_sequence(blocks: Iterable[Sequence[float]], span: float) -> Estimate:
    """Mean of bounded draws with a 95% interval that holds after every block at once.

    A block's draws lie in [-span, span] and are independent given the blocks before; the mean over a whole block is the
    same in each, the single draws may differ (strata). A candidate mean m is excluded once half the wealth of bets that
    the mean is larger, or half that of bets that it is smaller, reaches 1/.05 (Waudby-Smith & Ramdas 2024). Over a
    block ``E prod (1 + l (x_i - m) / (span + m)) <= exp(l sum (E x_i - m) / (span + m)) = 1``, so wealth is looked at
    after whole blocks only. The interval is the intersection over all blocks so far; it is computed from power sums
    that bound the wealth from below, so it is never too short. ``n`` counts blocks.

    Raises:
        ValueError: no blocks, an empty one, a draw outside the span, or a span that is not positive and finite.
    """
    if not 0.0 < span < math.inf:
        raise ValueError(f"a span must be positive and finite, got {span!r}")
    up, down = _Sums(), _Sums()
    low, high, n = -span, span, 0
    for n, block in enumerate(blocks, start=1):
        if not block or not all(-span <= draw <= span for draw in block):
            raise ValueError(f"block {n} is empty, or one of its draws lies outside the span of {span}")
        up.add(block)
        down.add([-draw for draw in block])
        found = up.least_mean(span, low), -down.least_mean(span, -high)
        if found[0] <= found[1]:  # else the blocks have no common mean, or this is the one case in twenty
            low, high = found
    if not n:
        raise ValueError("an interval needs at least one block")
    return Estimate(min(max(up.powers[0] / up.n, low), high), low, high, n)


@dataclass(frozen=True)
class Pairing:
    """What pairing and strata are worth, from n recorded pairs of blocks; None where a variance is 0.

    ``ratio`` is the variance of a difference of unpaired blocks over that of the paired ones, and ``saved`` the pairs
    that unpaired blocks would have needed beyond n. ``strata`` is the same for draws within blocks: the variance that
    the mean of a block of unstratified draws would have, over the variance that it has (1 / Kish's design effect).
    """

    n: int
    correlation: float | None
    ratio: float | None
    saved: float | None
    strata: float | None


def pairing(rows: Sequence[Sequence[float]]) -> Pairing:
    """From rows that each hold the incumbent's draws and then the candidate's on the same samples.

    Raises:
        ValueError: fewer than two rows, or rows that are not of one even length.
    """
    widths = {len(row) for row in rows}
    half = max(widths, default=0) // 2
    if len(rows) < 2 or widths != {2 * half} or not half:
        raise ValueError("correlation needs at least two rows of one even length")
    ours = [math.fsum(row[:half]) / half for row in rows]
    theirs = [math.fsum(row[half:]) / half for row in rows]
    singles = [row[half + i] - row[i] for row in rows for i in range(half)]
    apart = statistics.variance(ours) + statistics.variance(theirs)
    paired = statistics.variance(b - a for a, b in zip(ours, theirs, strict=True))
    both = math.sqrt(statistics.variance(ours) * statistics.variance(theirs))
    ratio = apart / paired if paired else None
    return Pairing(
        n=len(rows),
        correlation=(apart - paired) / 2 / both if both else None,
        ratio=ratio,
        saved=len(rows) * (ratio - 1.0) if ratio is not None else None,
        strata=statistics.variance(singles) / half / paired if paired and half > 1 else None,
    )


def blind_spot(pairs: int, alpha: float) -> float:
    """q*: losses rarer than this share of runs would have been missed, ``1 - a^(1/n)``; 0 where a = 0 (exact)."""
    if not alpha:
        return 0.0
    return 1.0 - alpha ** (1.0 / pairs) if pairs else 1.0
