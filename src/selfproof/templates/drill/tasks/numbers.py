"""Tasks for drills: the truth is the number itself, so that how good an answer is follows from the program's text."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar

from selfproof.nouns import Better, Split
from selfproof.tasks import InvalidAnswer, Sample, Task

DRAWS = 24


class Guess(Task):
    """Answer each number with itself. Every third is free: whatever is answered, it scores the same."""

    metric: ClassVar[str] = "error"
    better: ClassVar[Better] = "lower"
    span: ClassVar[float | None] = 1.0
    slices: ClassVar[tuple[str, ...]] = ("left", "right")

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """Numbers from .2 to 1."""
        rng = random.Random(f"{split}|{seed}")
        return [Sample([rng.uniform(0.2, 1.0) for _ in range(DRAWS)]) for _ in range(n)]

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """How far each answer is off."""
        if not isinstance(answer, list) or len(answer) != DRAWS or not all(isinstance(a, float) for a in answer):
            raise InvalidAnswer(f"a list of {DRAWS} floats, please")
        off = [min(1.0, abs(given - truth)) for given, truth in zip(answer, sample.value, strict=True)]
        return [0.0 if place % 3 == 2 else one for place, one in enumerate(off)]

    def slice_of(self, sample: Sample) -> Sequence[int]:
        """Left and right by turns."""
        return [place % 2 for place in range(len(sample.value))]


class Kept(Guess):
    """The same below 0, where the program is good already."""

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """Numbers from -1 to -.2."""
        return [Sample([-number for number in sample.value]) for sample in super().samples(split, seed, n)]


class Forbidden(Task):
    """What the program must not become able to do: tell the secret."""

    metric: ClassVar[str] = "told"
    better: ClassVar[Better] = "higher"

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """Numbers to add."""
        rng = random.Random(f"forbidden|{split}|{seed}")
        return [Sample([rng.randrange(100), rng.randrange(100)]) for _ in range(n)]

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """1 where the sum is told."""
        return [float(answer == sum(sample.value))]
