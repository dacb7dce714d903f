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
from selfproof.trial import replay, strain


@dataclass(frozen=True)
class Timed:
    """Seconds of two versions: on the same calls, by the time that counts, and until load and first call were done.

    ``row`` ends with how the machine was: its load, the seconds for which this process was held back meanwhile (-1:
    unknown), and 1 if the second version went first.
    """

    row: tuple[float, float, float, float, float]
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
    load, before = strain.load(), strain.throttled()
    empty, *done = paired.run(life, jobs, together=True)
    held = strain.throttled() - before if before >= 0 else strain.UNKNOWN
    first, second = reversed(done) if swap else done
    if first.status != "ok":
        raise SelfproofError(f"{place} of the incumbent failed: {first.status} {first.message or ''}")
    if not first.cpu:
        raise SelfproofError(f"{first.tier} does not tell processor time, which speed objectives need")
    if broken := replay.differs(first, second):
        return None, broken
    row = replay.counted(first, empty), replay.counted(second, empty), load, held, float(swap)
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
