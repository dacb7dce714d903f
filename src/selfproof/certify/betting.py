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
_A, _B, _C, _D, _E, _F, _G, _H = FRACTIONS
_FOLD = 32  # bets between two logarithms: a product of 32 factors in [.1, 1e3] neither overflows nor vanishes
_LARGE = 1e3


class Wealth:
    """The running wealth of the mixture, kept as a logarithm; starts at 1. Feed outcomes, read ``log``.

    Products are folded into logarithms every few bets: one update costs eight multiplications, and no number of bets
    overflows.
    """

    __slots__ = ("_logs", "_products", "_shares", "_since", "_top")

    def __init__(self) -> None:
        self._logs = [0.0] * len(FRACTIONS)
        self._products = (1.0,) * len(FRACTIONS)
        self._fold()

    def bet(self, outcome: float) -> None:
        """Take one outcome in [-1, oo).

        Raises:
            ValueError: the outcome is not finite or below -1, so that a bet could lose more than it holds.
        """
        if not -1.0 <= outcome < math.inf:
            raise ValueError(f"a bet's outcome must be finite and at least -1, got {outcome!r}")
        if self._since >= _FOLD or outcome > _LARGE:
            self._fold()
        a, b, c, d, e, f, g, h = self._products
        self._products = (
            a + a * _A * outcome, b + b * _B * outcome, c + c * _C * outcome, d + d * _D * outcome,
            e + e * _E * outcome, f + f * _F * outcome, g + g * _G * outcome, h + h * _H * outcome,
        )  # fmt: skip
        self._since += 1 if outcome <= _LARGE else _FOLD

    def _fold(self) -> None:
        self._logs = [log + math.log(product) for log, product in zip(self._logs, self._products, strict=True)]
        self._top = max(self._logs)
        self._shares = tuple(math.exp(log - self._top) / len(FRACTIONS) for log in self._logs)
        self._products = (1.0,) * len(FRACTIONS)
        self._since = 0

    @property
    def log(self) -> float:
        """Natural logarithm of the wealth."""
        a, b, c, d, e, f, g, h = self._products
        s = self._shares
        return self._top + math.log(
            a * s[0] + b * s[1] + c * s[2] + d * s[3] + e * s[4] + f * s[5] + g * s[6] + h * s[7]
        )


def log_wealth(outcomes: Iterable[float]) -> float:
    """Log-wealth after all of ``outcomes``."""
    wealth = Wealth()
    for outcome in outcomes:
        wealth.bet(outcome)
    return wealth.log
