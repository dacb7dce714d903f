"""Robust centre and spread of a handful of paired differences."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

CLIP = 1.5


def robust_scale(differences: Sequence[float], declared_range: float) -> float:
    """1.4826 MAD; if that is 0 the mean absolute deviation; if that is 0 too the metric's declared range.

    Frozen from the race's differences and logged before a confirmation starts, so that it cannot be fitted.

    Raises:
        ValueError: no differences, or one that is not finite.
    """
    if not differences or not all(math.isfinite(value) for value in differences):
        raise ValueError("the scale needs at least one difference, all finite")
    centre = statistics.median(differences)
    deviations = [abs(value - centre) for value in differences]
    return 1.4826 * statistics.median(deviations) or statistics.fmean(deviations) or declared_range


def clipped(difference: float, scale: float) -> float:
    """The difference in units of 1.5 robust SDs, clipped to [-1, 1]."""
    return max(-1.0, min(1.0, difference / (CLIP * scale)))


def robust_t(differences: Sequence[float]) -> float:
    """Median over its approximate standard error; infinite when all differences are equal and not 0."""
    centre = statistics.median(differences)
    spread = robust_scale(differences, declared_range=0.0)
    if spread == 0.0:
        return math.copysign(math.inf, centre) if centre else 0.0
    return centre * math.sqrt(len(differences)) / spread
