"""How often a kind of edit paid off, fairly estimated from few cases: shrunk shares and intervals. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

PSEUDO = 2.0  # successes that the pooled share counts as, so that one lucky hit among few says little
ENOUGH = 30.0  # attempts of an operator at a kind of site, before that pair has a share of its own
ELSEWHERE = 0.25  # what an attempt on another metric of the same kind of objective counts as
OTHER_KIND = 0.05  # what one on the other kind of objective (quality, speed) counts as


@dataclass(frozen=True)
class Tally:
    """Attempts, those that a race kept, and those that a certificate rests on; fractions where some count for less."""

    tried: float = 0.0
    kept: float = 0.0
    certified: float = 0.0

    def plus(self, other: Tally, weight: float = 1.0) -> Tally:
        """Both together, the other at a weight."""
        return Tally(self.tried + weight * other.tried, self.kept + weight * other.kept,
                     self.certified + weight * other.certified)  # fmt: skip


def posterior(successes: float, tried: float, pooled: float) -> float:
    """Mean of the Beta posterior of a share whose prior mean is ``pooled`` and whose prior holds `PSEUDO` successes.

    With nothing tried it is ``pooled``, with much tried the share itself; 0 if ``pooled`` is 0.
    """
    if pooled <= 0.0:
        return 0.0
    return (successes + PSEUDO) / (tried + PSEUDO / pooled)


def wilson(successes: int, tried: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927, JASA 22:209); (0, 1) where nothing was tried."""
    if tried <= 0:
        return 0.0, 1.0
    share, square = successes / tried, z * z
    middle = (share + square / (2 * tried)) / (1 + square / tried)
    half = z / (1 + square / tried) * math.sqrt(share * (1 - share) / tried + square / (4 * tried * tried))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))  # beyond it only by rounding


def shrunk(tallies: Mapping[tuple[str, str], Tally]) -> dict[str, dict[str, dict[str, float]]]:
    """What an improver is told, from tallies of (operator, kind of site).

    ``operators``: {operator: {"kept", "certified", "tried"}}, each share shrunk towards that of all operators together.
    ``sites``: the same for "operator kind" where there were `ENOUGH` attempts, shrunk towards the operator's.
    """
    operators: dict[str, Tally] = {}
    for (operator, _), tally in tallies.items():
        operators[operator] = operators.get(operator, Tally()).plus(tally)
    total = Tally()
    for tally in operators.values():
        total = total.plus(tally)
    if total.tried <= 0.0:
        return {"operators": {}, "sites": {}}
    overall = total.kept / total.tried, total.certified / total.tried
    told = {operator: _told(tally, *overall) for operator, tally in sorted(operators.items())}
    sites = {
        f"{operator} {site}": _told(tally, told[operator]["kept"], told[operator]["certified"])
        for (operator, site), tally in sorted(tallies.items())
        if tally.tried >= ENOUGH
    }
    return {"operators": told, "sites": sites}


def _told(tally: Tally, kept: float, certified: float) -> dict[str, float]:
    return {
        "kept": posterior(tally.kept, tally.tried, kept),
        "certified": posterior(tally.certified, tally.tried, certified),
        "tried": tally.tried,
    }
