"""Whether a search has stopped getting better, judged by its own past: pure functions of the best score's history.

Gains come apart as a search goes on, so a fixed number of candidates without one says little. What is compared is how
long the best has stood still with how far its last gains were apart.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

RECENT = 5  # gains whose distances count
BEGINS, FULL = 2.0, 6.0  # times the usual distance without a gain
SLIGHT = 0.001  # share of the score by which the best must fall to count as better

WIDE = ("replace", "blend", "pool", "insert", "unwrap", "crossover")
"""Operators that change the form of the code; in a plateau one view in two asks for these alone."""


@dataclass(frozen=True)
class History:
    """What became of the best score (lower is better): ``at`` are the numbers of candidates tried at its gains."""

    best: float | None = None
    at: tuple[int, ...] = ()


def seen(history: History, tried: int, best: float) -> History:
    """The history after ``tried`` candidates in all, the best of which scores ``best``."""
    if history.best is None:
        return History(best, (tried,))
    if history.best - best > SLIGHT * abs(history.best):
        return History(best, (*history.at, tried)[-RECENT - 1 :])
    return history


def rescored(history: History, best: float) -> History:
    """The same history when scores are measured anew: that is neither a gain nor a loss."""
    return replace(history, best=best) if history.at else history


def plateau(history: History, tried: int, least: int) -> float:
    """From 0 (it gets better as usual) to 1: how long the best has stood still for what its past lets one expect.

    Distances below ``least`` candidates count as that many, so that a lucky start makes nothing that follows look bad.
    """
    if not history.at:
        return 0.0
    gaps = [later - earlier for earlier, later in zip(history.at, history.at[1:], strict=False)]
    usual = max(float(least), statistics.fmean(gaps) if gaps else 0.0, 1.0)
    stale = (tried - history.at[-1]) / usual
    return min(1.0, max(0.0, (stale - BEGINS) / (FULL - BEGINS)))


def widened(operators: list[str], level: float, worker: int) -> list[str]:
    """The operators of a worker's view: in a plateau the second worker's are those that change the form of the code."""
    wide = [name for name in operators if name in WIDE]
    return wide if level > 0 and worker % 2 and len(wide) > 1 else operators
