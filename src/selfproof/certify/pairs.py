"""From recorded numbers to the pairs that the gate bets on; the engine and the auditor use the same few lines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from selfproof.certify.terms import Pair


def pair_of(kind: str, better: str, row: Sequence[float]) -> Pair:
    """The pair that a recorded row holds."""
    return speed_pair(row) if kind == "speed" else quality_pair(row, better)


def quality_pair(row: Sequence[float], better: str) -> Pair:
    """A row holds the incumbent's draws, then the candidate's on the same samples; y > 0 means a gain."""
    half = len(row) // 2
    sign = 1.0 if better == "lower" else -1.0
    parts = tuple(sign * (row[i] - row[half + i]) for i in range(half))
    return Pair(math.fsum(parts) / half, parts)


def outside(pair: Pair, span: float | None) -> str | None:
    """Why nothing can be bet on a pair, which speaks against its candidate; ``span`` is None for what is no mean."""
    if not math.isfinite(pair.y):
        return "a difference that is not finite"
    if span is not None and not all(-span <= part <= span for part in pair.parts):
        return f"a draw's difference outside the metric's span of {span:g}"
    return None


def speed_pair(row: Sequence[float]) -> Pair:
    """A row begins with the incumbent's and the candidate's seconds on the same inputs; y is the log of their ratio.

    What follows says how the machine was meanwhile, and decides nothing.
    """
    incumbent, candidate = row[:2]
    return Pair(math.log(incumbent / candidate))
