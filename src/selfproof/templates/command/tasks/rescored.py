"""What the files are worth that a run leaves: scored here, outside the jail, by code of yours that no edit reaches.

The scorer gets the bytes of each file by its name. A hostile candidate wrote them: never unpickle them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from selfproof.tasks import InvalidAnswer, Sample

from . import command
from .scoring import score

ARTEFACTS = ("predictions.csv",)


class Fresh(command.Fresh):
    """Runs differ by their seed: each is a fresh sample."""

    def samples(self, split: Any, seed: int, n: int) -> list[Sample]:
        """As for the command, with the files to keep."""
        return [kept(sample) for sample in super().samples(split, seed, n)]

    def draws(self, sample: Sample, answer: Any) -> Sequence[float]:
        """What the scorer says."""
        del sample
        return [rescored(answer)]


class Exact(command.Exact):
    """Every run of one version gives the same: one run is all there is, and two versions compare exactly."""

    def items(self) -> Sequence[Sample]:
        """As for the command, with the files to keep."""
        return [kept(sample) for sample in super().items()]

    def draws(self, sample: Sample, answer: Any) -> Sequence[float]:
        """What the scorer says."""
        del sample
        return [rescored(answer)]


def kept(sample: Sample) -> Sample:
    """A run whose files are wanted."""
    return Sample({**sample.value, "collect": list(ARTEFACTS)}, sample.hidden)


def rescored(answer: Any) -> float:
    """The scorer's value for what a run left.

    Raises:
        InvalidAnswer: the run failed or left not all files, or its value is not finite.
    """
    command.check(answer)
    files = {path: answer["files"].get(path) for path in ARTEFACTS}
    missing = [path for path, content in files.items() if not isinstance(content, bytes)]
    if missing:
        raise InvalidAnswer(f"the run left no {missing[0]} of at most 4 MB")
    value = float(score(files))
    if not math.isfinite(value):
        raise InvalidAnswer(f"the scorer says {value}")
    return value
