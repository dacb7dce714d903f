"""How the lifetime error budget is spent: by confirmation, never by candidate.

The k-th confirmation of objective o is tested at ``alpha * w_o * gamma_k`` with
``gamma_k = .93 / ((k+2) ln(k+2)^2)``, k = 1, 2, ...; the gammas sum to less than 1, so by the union bound the chance
of even one false certificate over an unbounded life is at most ``alpha * sum_o w_o <= alpha``. ``k`` is counted from
the ledger and never reset.

Does not protect against: a person who starts a new program to get a new budget (it has a new id, and says so).
"""

from __future__ import annotations

import math

FIRST_CHARTER_SHARE = 0.8


def gamma(k: int) -> float:
    """Share of an objective's budget that its k-th confirmation may spend (k >= 1)."""
    if k < 1:
        raise ValueError(f"confirmations are counted from 1, got {k}")
    return 0.93 / ((k + 2) * math.log(k + 2) ** 2)


def weights(first: int, later: int = 0) -> list[float]:
    """Weights of all objectives ever created: the first charter's share 0.8, each later one takes half of the rest."""
    if first < 1 or later < 0:
        raise ValueError("a charter has at least one objective")
    shares = [FIRST_CHARTER_SHARE / first] * first
    left = 1.0 - FIRST_CHARTER_SHARE
    for _ in range(later):
        left /= 2
        shares.append(left)
    return shares


def level(alpha: float, weight: float, k: int) -> float:
    """alpha_{o,k}: the level at which the k-th confirmation of an objective with this weight is tested."""
    return alpha * weight * gamma(k)


def spent(alpha: float, weight: float, confirmations: int) -> float:
    """Error budget gone after this many confirmations, certified or not."""
    return sum(level(alpha, weight, k) for k in range(1, confirmations + 1))
