"""How the lifetime error budget is spent: by confirmation, never by candidate.

``fwer``  the k-th confirmation of objective o is tested at ``alpha * w_o * gamma_k`` with
          ``gamma_k = .93 / ((k+2) ln(k+2)^2)``, k = 1, 2, ...; the gammas sum to less than 1, so by the union bound
          the chance of even one false certificate over an unbounded life is at most ``alpha * sum_o w_o <= alpha``.
``fdr``   the same times (adoptions of this objective so far + 1): e-LOND (Xu & Ramdas 2024, "Online multiple testing
          with e-values"). What is bounded by alpha is then the expected share of false ones among the adopted.
finite    a hold-out of finitely many samples is used again and again, so that what is confirmed next depends on it.
          Its proposers get one bit for each confirmation; over at most T confirmations the level after j adoptions is
          ``alpha * w_o / (2 T)^(j+1)``, a union over all transcripts of bits that can lead there:
          ``sum_{t<=T} sum_j C(t-1, j) / (2T)^(j+1) <= sum_j T^(j+1) / (2T)^(j+1) <= 1``.

``k`` is counted from the ledger and never reset.

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


def level(alpha: float, weight: float, k: int, *, fdr_adoptions: int = 0) -> float:
    """alpha_{o,k}: the level of an objective's k-th confirmation; ``fdr_adoptions`` counts in mode "fdr" only."""
    return alpha * weight * gamma(k) * (fdr_adoptions + 1)


def holdout_level(alpha: float, weight: float, lifetime: int, adoptions: int) -> float:
    """The level of a confirmation on a finite hold-out that may be used ``lifetime`` times, after ``adoptions``."""
    return alpha * weight / (2.0 * lifetime) ** (adoptions + 1)


def holdout_is_retired(alpha: float, weight: float, lifetime: int, k: int, adoptions: int, items: int) -> bool:
    """Whether the k-th confirmation may not be made any more: too many, or no ``items`` outcomes could reach it."""
    needed = (adoptions + 1) * math.log(2.0 * lifetime) - math.log(alpha * weight)
    return k > lifetime or needed > min(items * math.log1p(0.9), 700.0)  # beyond that the level is no number
