"""The operations workload: what the improver is asked during a run, fresh for each seed. Trusted code, a person's.

A view is built as the engine builds it: parents are versions of the program's own memory with random edits, the
history has the same form, lengths and outcomes as a real one. Nothing here is learned from; only time is scored, and
outputs must stay equal.
"""

from __future__ import annotations

import random
from typing import Any

from selfproof.nouns import Split
from selfproof.operators import OPERATORS, EditImpossible, edit_function, size
from selfproof.trial.task import Workload

EDITS = 24
OUTCOMES = ("raced", "equal", "worse", "worse", "worse", "invalid")
START = """import numpy as np


def merge(c, t, d, s, q, n):
    return (c + 1.0) / (t + 97.0)
"""


class Proposing(Workload):
    """How fast it suggests its next edits."""

    def inputs(self, split: Split, seed: int, n: int) -> list[Any]:
        """``n`` views."""
        rng = random.Random(f"{split}|{seed}")
        return [self._view(rng) for _ in range(n)]

    def _view(self, rng: random.Random) -> dict[str, Any]:
        versions: list[str] = [START]
        titles: list[tuple[str, str]] = []
        while len(titles) < EDITS:
            operator = rng.choice(list(OPERATORS))
            try:
                source, title = edit_function(rng.choice(versions), "merge", operator, rng)
            except EditImpossible:
                continue
            titles.append((title, operator))
            if size(source, "merge") < 40:
                versions.append(source)
        tried = [f"{rng.getrandbits(64):016x}" for _ in range(rng.randrange(1000, 4000))]
        return {
            "kind": "quality", "objective": "memory", "path": "memory.py", "function": "merge",
            "operators": [*OPERATORS, "crossover"], "wanted": 24, "seed": rng.getrandbits(63),
            "parents": [
                {"id": str(i), "source": rng.choice(versions), "score": rng.random(), "size": 10} for i in range(12)
            ],
            "history": [self._row(rng, titles) for _ in range(150)], "tried": tried,
        }  # fmt: skip

    def _row(self, rng: random.Random, titles: list[tuple[str, str]]) -> dict[str, Any]:
        """A past attempt of one edit, or of two as one in three is."""
        first, second = rng.choice(titles), rng.choice(titles)
        title = first[0] if rng.random() < 0.7 else f"{first[0]}; {second[0]}"
        return {"title": title, "operator": first[1], "outcome": rng.choice(OUTCOMES), "score": rng.random()}
