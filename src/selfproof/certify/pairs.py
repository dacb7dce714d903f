"""From recorded numbers to the pairs that the gate bets on; the engine and the auditor use the same few lines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from selfproof.certify.gate import Pair
from selfproof.nouns import Better


def quality_pair(row: Sequence[float], better: Better) -> Pair:
    """A row holds the incumbent's draws, then the candidate's on the same samples; y > 0 means a gain."""
    half = len(row) // 2
    sign = 1.0 if better == "lower" else -1.0
    parts = tuple(sign * (row[i] - row[half + i]) for i in range(half))
    return Pair(math.fsum(parts) / half, parts)


def speed_pair(row: Sequence[float]) -> Pair:
    """A row holds the incumbent's and the candidate's seconds on the same inputs; y is the log of their ratio."""
    incumbent, candidate = row
    return Pair(math.log(incumbent / candidate))
