"""Two versions of a program on the same inputs, back to back in one worker: what every decision on speed rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.jail import Job, values
from selfproof.life import Life
from selfproof.nouns import Candidate, Files, SelfproofError
from selfproof.trial import replay


@dataclass(frozen=True)
class Timed:
    """Seconds of two versions: on the same calls, by the time that counts, and until load and first call were done."""

    row: tuple[float, float]
    starts: tuple[float, float]


def pair(
    life: Life, one: Candidate, two: Candidate, place: str, calls: Sequence[Any], swap: bool
) -> tuple[Timed | None, str | None]:
    """Both versions on the same calls, in this order or swapped; the second value is a reason to refuse ``two``.

    Raises:
        SelfproofError: the first version gave no answer, or the jail tells no processor time.
    """
    order = (two, one) if swap else (one, two)
    limits = life.limits_of(life.charter.objective(one.objective))
    jobs = replay.replay_jobs([version.files for version in order], place, calls, limits)
    empty, *done = paired.run(life, jobs, together=True)
    first, second = reversed(done) if swap else done
    if first.status != "ok":
        raise SelfproofError(f"{place} of the incumbent failed: {first.status} {first.message or ''}")
    if not first.cpu:
        raise SelfproofError(f"{first.tier} does not tell processor time, which speed objectives need")
    if broken := replay.differs(first, second):
        return None, broken
    row = replay.counted(first, empty), replay.counted(second, empty)
    return Timed(row, (replay.starting(first), replay.starting(second))), None


def whole(life: Life, objective: Objective, one: Files, two: Files, view: Any, swap: bool) -> tuple[float, float]:
    """Seconds of the whole workload with the files of two versions, in this order or swapped.

    Raises:
        SelfproofError: a version gave no answer.
    """
    order = (two, one) if swap else (one, two)
    limits = life.limits_of(objective)
    jobs = [Job(files, objective.entry, [values.encode(view)], limits=limits, timed=True) for files in order]
    outcomes = paired.run(life, jobs, together=True)
    failed = next((outcome for outcome in outcomes if outcome.status != "ok"), None)
    if failed is not None:
        raise SelfproofError(f"{objective.entry} failed on a report input: {failed.status} {failed.message or ''}")
    first, second = reversed(outcomes) if swap else outcomes
    return replay.counted(first), replay.counted(second)
