"""How long your benchmarks take: the geometric mean of their medians in seconds, read outside the jail.

Yours to change. Each run of the suite is a trial, alone on the machine; candidate and incumbent take turns. The times
are what pytest-benchmark measured in the candidate's own process.

Does not protect against: an edit that makes the clock lie, or that answers faster by answering wrongly. A test suite
beside it (`--tests`) is what finds the second.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, ClassVar

from selfproof.tasks import InvalidAnswer, Sample

from . import command

REPORT = "selfproof-benchmark.json"
BENCHMARKS = 0  # that the suite has; 0: any number


class Fresh(command.Fresh):
    """Runs of the suite, timed one at a time."""

    timed: ClassVar[bool] = True

    def draws(self, sample: Sample, answer: Any) -> Sequence[float]:
        """The suite's time."""
        del sample
        command.check(answer)
        return [geometric(medians(answer["files"].get(REPORT)))]


def medians(content: Any) -> list[float]:
    """The median of each benchmark in a report, in seconds.

    Raises:
        InvalidAnswer: it is no report of all benchmarks, or a time in it is impossible.
    """
    if not isinstance(content, bytes):
        raise InvalidAnswer(f"the run left no {REPORT}")
    try:
        found = [float(one["stats"]["median"]) for one in json.loads(content)["benchmarks"]]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InvalidAnswer(f"{REPORT}: {type(error).__name__}: {error}") from None
    if len(found) != (BENCHMARKS or max(1, len(found))) or not all(0.0 < value < math.inf for value in found):
        raise InvalidAnswer(f"{len(found)} benchmarks with a time, of {BENCHMARKS or 1}")
    return found


def geometric(values: Sequence[float]) -> float:
    """Their geometric mean: each benchmark counts alike, however long it takes."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))
