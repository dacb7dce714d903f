"""Rules that people use to merge counts: what the memory has to be compared with. Trusted, never in a jail.

Jelinek & Mercer 1980; Witten & Bell 1991; Ney, Essen & Kneser 1994 (absolute discounting); MacKay & Peto 1995
(Dirichlet); Kneser & Ney 1995, interpolated, and with three discounts as Chen & Goodman 1999 modified it; prediction by
partial matching with escapes C (Moffat 1990) and D (Howard 1993) and full exclusion. How they are tuned: ``tuning.py``.

Kneser-Ney is told more than the memory is: before how many different symbols a string was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Sort = Literal["plain", "continued", "excluded"]


@dataclass(frozen=True)
class Step:
    """Of one order, for each position: the truth's count, the sum, how many differ from 0, how many are 1 and 2."""

    c: Array
    t: Array
    d: Array
    ones: Array
    twos: Array


@dataclass(frozen=True)
class Rule:
    """``step`` makes the truth's probability of an order from that of the order below and ``size`` parameters.

    ``sort``: plain counts; Kneser & Ney's; or plain ones without the symbols that a longer context was followed by.
    """

    step: Callable[[Step, Array, Array], Array]
    sort: Sort = "plain"
    size: int = 1


def share(a: float) -> float:
    """Any number as one between 0 and 1."""
    return float(1.0 / (1.0 + np.exp(-np.clip(a, -30, 30))))


def _positive(a: float) -> float:
    return float(np.exp(np.clip(a, -30, 30)))


def _jelinek_mercer(of: Step, q: Array, a: Array) -> Array:
    return share(a[0]) * of.c / of.t + (1 - share(a[0])) * q


def _witten_bell(of: Step, q: Array, a: Array) -> Array:
    weight = _positive(a[0]) * of.d
    found: Array = (of.c + weight * q) / (of.t + weight)
    return found


def _dirichlet(of: Step, q: Array, a: Array) -> Array:
    mass = _positive(a[0])
    found: Array = (of.c + mass * q) / (of.t + mass)
    return found


def _one_discount(of: Step, q: Array, a: Array) -> Array:
    found: Array = (np.maximum(of.c - share(a[0]), 0) + share(a[0]) * of.d * q) / of.t
    return found


def _three_discounts(of: Step, q: Array, a: Array) -> Array:
    one, two, three = share(a[0]), 2 * share(a[1]), 3 * share(a[2])
    taken = np.where(of.c >= 3, three, np.where(of.c == 2, two, one))
    freed = one * of.ones + two * of.twos + three * (of.d - of.ones - of.twos)
    found: Array = (np.maximum(of.c - taken, 0) + freed * q) / of.t
    return found


def _escape_c(of: Step, q: Array, a: Array) -> Array:
    weight = _positive(a[0]) * of.d
    return np.where(of.c > 0, of.c, weight * q) / (of.t + weight)


def _escape_d(of: Step, q: Array, a: Array) -> Array:
    return np.where(of.c > 0, of.c - share(a[0]), share(a[0]) * of.d * q) / of.t


RULES: dict[str, Rule] = {
    "Jelinek-Mercer": Rule(_jelinek_mercer),
    "Witten-Bell": Rule(_witten_bell),
    "Dirichlet": Rule(_dirichlet),
    "absolute discounting": Rule(_one_discount),
    "Kneser-Ney": Rule(_one_discount, "continued"),
    "modified Kneser-Ney": Rule(_three_discounts, "continued", 3),
    "PPM-C": Rule(_escape_c, "excluded"),
    "PPM-D": Rule(_escape_d, "excluded"),
}
