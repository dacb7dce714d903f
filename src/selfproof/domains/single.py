"""What differs in a race on single items of a finite task from one on blocks of many draws.

A panel needs many of them; none is judged on its first few; that two candidates score alike on one item tells nothing;
and most items do not tell two versions apart, so that the median difference, on which a robust t rests, is 0.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def plain_t(differences: Sequence[float]) -> float:
    """Mean over its standard error, of at least two differences; infinite when all are equal and not 0."""
    centre, spread = statistics.fmean(differences), statistics.stdev(differences)
    if spread == 0.0:
        return math.copysign(math.inf, centre) if centre else 0.0
    return centre * math.sqrt(len(differences)) / spread
