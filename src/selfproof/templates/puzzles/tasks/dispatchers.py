"""Dispatching rules of the literature, those with a parameter tuned: what a found rule is compared with. Trusted code.

WSPT: Smith 1956. COVERT: Carroll 1965. ATC, apparent tardiness cost: Vepsalainen & Morton 1987. ATC's average of the
waiting jobs' processing times is the distribution's mean here, since a rule sees one job at a time.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from selfproof.trial.task import Sample

from .plant import MEAN

if TYPE_CHECKING:
    from .shop import Shop

Floats = NDArray[np.float64]
Rule = Callable[[Floats, float], Floats]


def _slack(q: Floats) -> Floats:
    slack: Floats = np.maximum(q[:, 2] - q[:, 1], 0.0)
    return slack


def _fifo(q: Floats, k: float) -> Floats:
    del k
    return q[:, 3]


def _spt(q: Floats, k: float) -> Floats:
    del k
    return -q[:, 1]


def _edd(q: Floats, k: float) -> Floats:
    del k
    return -q[:, 2]


def _wspt(q: Floats, k: float) -> Floats:
    del k
    return q[:, 0] / q[:, 1]


def _covert(q: Floats, k: float) -> Floats:
    urgency: Floats = np.maximum(0.0, 1.0 - _slack(q) / (k * q[:, 1]))
    return q[:, 0] / q[:, 1] * urgency


def _atc(q: Floats, k: float) -> Floats:
    urgency: Floats = np.exp(-_slack(q) / (k * MEAN))
    return q[:, 0] / q[:, 1] * urgency


RULES: dict[str, tuple[Rule, bool]] = {
    "FIFO": (_fifo, False),
    "SPT": (_spt, False),
    "EDD": (_edd, False),
    "WSPT": (_wspt, False),
    "COVERT": (_covert, True),
    "ATC": (_atc, True),
}


def tuned(task: Shop, explore: Sequence[Sample]) -> Iterator[tuple[str, Rule, float]]:
    """Every rule with its best parameter on the explore blocks, of 41 on a grid; 0 where it has none."""
    for name, (rule, has_parameter) in RULES.items():
        grid = np.geomspace(0.02, 20.0, 41).tolist() if has_parameter else [0.0]
        yield name, rule, min(grid, key=lambda k, rule=rule: _mean(task, explore, rule, k))


def _mean(task: Shop, samples: Sequence[Sample], rule: Rule, k: float) -> float:
    return statistics.fmean(chain.from_iterable(task.draws(s, rule(s.value, k)) for s in samples))
