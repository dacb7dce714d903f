"""Wealth of a gambler who bets against "this change is no improvement".

One mixture of eight bets: ``W_n = (1/8) sum_l prod_{j<=n} (1 + l z_j)`` for outcomes ``z_j`` in [-1, 1]. If every
outcome has mean <= 0 given the past, the expected wealth never exceeds 1, so the chance that it *ever* reaches
``1/a`` is at most ``a``, however often one looks (Ville 1939; Waudby-Smith & Ramdas 2024, "Estimating means of
bounded random variables by betting").

Does not protect against: outcomes whose mean given the past is positive although the change is no improvement
(a broken metric, state carried from pair to pair, a leaked seed).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

FRACTIONS = (0.05, 0.10, 0.17, 0.27, 0.40, 0.55, 0.72, 0.90)


class Wealth:
    """The running log-wealth of the mixture; start at 0, feed outcomes, read ``log``."""

    __slots__ = ("_logs",)

    def __init__(self) -> None:
        self._logs = [0.0] * len(FRACTIONS)

    def bet(self, outcome: float) -> None:
        """Take one outcome in [-1, oo).

        Raises:
            ValueError: the outcome is not finite or below -1, so that a bet could lose more than it holds.
        """
        if not -1.0 <= outcome < math.inf:
            raise ValueError(f"a bet's outcome must be finite and at least -1, got {outcome!r}")
        logs = self._logs
        for i, fraction in enumerate(FRACTIONS):
            logs[i] += math.log1p(fraction * outcome)

    @property
    def log(self) -> float:
        """Natural logarithm of the wealth."""
        top = max(self._logs)
        return top + math.log(sum(math.exp(value - top) for value in self._logs) / len(FRACTIONS))


def log_wealth(outcomes: Iterable[float]) -> float:
    """Log-wealth after all of ``outcomes``."""
    wealth = Wealth()
    for outcome in outcomes:
        wealth.bet(outcome)
    return wealth.log
