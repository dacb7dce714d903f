"""Ceilings of a charter: how much of each is used. Pure; who spends does not count, whoever calls this does.

Does not protect against: what is spent between two looks: a step that is under way is finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from selfproof.charter import Budget

WARNING = 0.8
ENDS = frozenset({"minutes", "cpu_hours", "disk_mb"})
"""Ceilings that end a run. Money and tokens end the models' part in it, adoptions per day put adopting off."""


@dataclass(frozen=True)
class Ceiling:
    """One ceiling: what of it is used."""

    name: str
    used: float
    limit: float

    @property
    def share(self) -> float:
        """1 or more: it is reached. What is no number counts as too much."""
        share = self.used / self.limit
        return share if share >= 0 else float("inf")

    @property
    def level(self) -> float:
        """0, WARNING or 1: the highest mark that is passed."""
        return max((mark for mark in (WARNING, 1.0) if self.share >= mark), default=0.0)


def ceilings(budget: Budget, used: Mapping[str, float]) -> list[Ceiling]:
    """Every ceiling that the charter sets and ``used`` has a number for, in the charter's order; 0 sets none."""
    limits = {name: float(getattr(budget, name)) for name in
              ("minutes", "cpu_hours", "dollars", "tokens", "disk_mb", "adoptions_per_day")}  # fmt: skip
    return [Ceiling(name, used[name], limit) for name, limit in limits.items() if limit > 0 and name in used]
