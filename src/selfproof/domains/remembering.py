"""What a race tells experience: for each edit what it changed, what it was made from, and what became of it.

The race's own rows are told what an edit's parent scored on the same panel (``before``), so that the ledger holds which
edits were gains: panels are redrawn, and scores of two of them do not compare.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from selfproof.archive.population import Member
from selfproof.charter import Objective
from selfproof.learn.experience import Attempt
from selfproof.life import Life
from selfproof.nouns import Candidate, Files

LARGEST_GAIN = 50.0


def raced(
    life: Life, objective: Objective, parents: Mapping[str, Member], texts: Mapping[str, Candidate],
    candidates: Sequence[Candidate], rows: Sequence[dict[str, Any]],
) -> None:  # fmt: skip
    """Hand on a batch of a quality objective; ``rows``, what the ledger's race entry will say, get ``before``.

    ``parents`` are the members of the population before the race, ``texts`` the versions that are known by their ids.
    """
    told, sign = [], 1.0 if objective.better == "lower" else -1.0
    for candidate, row in zip(candidates, rows, strict=True):
        parent = parents.get(candidate.edit.parent) if candidate.edit else None
        before = texts.get(parent.id) if parent else None
        row["before"] = sign * parent.score if parent else None
        scores = [sign * score for score in row["scores"]]
        gain = relative_gain(parent.scores, scores) if parent and row["outcome"] != "invalid" else None
        told.append(attempt(objective, candidate, before.files if before else {}, row["outcome"], gain))
    life.experience.raced(told)


def attempt(objective: Objective, candidate: Candidate, before: Files, outcome: str, gain: float | None) -> Attempt:
    """One edit as experience takes it; of an edit of several files the first Python file counts."""
    edit = candidate.edit
    assert edit is not None
    paths = sorted(edit.files, key=lambda path: (not path.endswith(".py"), before.get(path) == edit.files[path], path))
    return Attempt(
        candidate.id, edit.parent, objective.kind, objective.metric, edit.operator, edit.proposer, outcome, gain,
        before.get(paths[0], ""), candidate.files.get(paths[0], ""),
    )  # fmt: skip


def relative_gain(parent: Sequence[float], scores: Sequence[float]) -> float | None:
    """By what share of its parent's score a candidate is better, on the blocks that both were scored on.

    Bounded; None where there is nothing to compare.
    """
    both = [(p, s) for p, s in zip(parent, scores, strict=False) if math.isfinite(p) and math.isfinite(s)]
    if not both:
        return None
    before, after = (statistics.fmean(values) for values in zip(*both, strict=True))
    return max(-LARGEST_GAIN, min(LARGEST_GAIN, (before - after) / max(abs(before), 1e-12)))
