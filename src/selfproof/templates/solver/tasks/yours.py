"""Stands for your task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from selfproof.tasks import FiniteTask, Sample


class Yours(FiniteTask):
    """Nothing to answer."""

    metric: ClassVar[str] = "score"
    better: ClassVar[Any] = "higher"

    def items(self) -> Sequence[Sample]:
        """No samples."""
        return []

    def draws(self, sample: Sample, answer: Any) -> Sequence[float]:
        """Nothing is worth anything."""
        del sample, answer
        return [0.0]
