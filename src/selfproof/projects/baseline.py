"""The baseline twice, so that the noise is seen, and what a run would cost."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from selfproof import life as lives
from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.jail import Job, values
from selfproof.life import Life
from selfproof.nouns import SelfproofError
from selfproof.trial import replay
from selfproof.trial.task import Workload

INPUTS = 4


def measure(folder: Path) -> list[str]:
    """Run the program in ``folder`` as it is, twice on the same inputs; says in lines what was seen.

    Raises:
        SelfproofError: it does not run in the jail, with what it said.
    """
    told = []
    with lives.viewed(folder) as life:
        for objective in life.charter.objectives:
            task = life.tasks[objective.name]
            if isinstance(task, Workload):
                told += _speed(life, objective, task)
    return told


def _speed(life: Life, objective: Objective, task: Workload) -> list[str]:
    views = task.inputs("explore", 0, INPUTS)
    limits, files = life.limits_of(objective), life.files()
    began = time.monotonic()
    jobs = [Job(files, objective.entry, [values.encode(v) for v in views], limits=limits, timed=True) for _ in range(2)]
    outcomes = paired.run(life, jobs, together=True)
    for outcome in outcomes:
        if outcome.status != "ok":
            raise SelfproofError(
                f"it does not run in the jail: {outcome.status} {outcome.message or ''}".rstrip(),
                advice="What it needs may be missing there: files, a network, or a package that is not installed here.",
            )
    first, second = (replay.counted(outcome) for outcome in outcomes)
    spent = time.monotonic() - began
    each = statistics.mean((first, second)) / sum(map(len, views))
    noise = abs(first - second) / max(first, second)
    return [
        f"baseline: {seconds(each)} a call; {INPUTS} inputs took {seconds(first)} and then {seconds(second)} "
        f"({noise:.0%} apart)",
        f"one comparison takes about {seconds(spent)}: {life.charter.budget.minutes:g} min of run have room for about "
        f"{60 * life.charter.budget.minutes / spent:.0f}",
    ]


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"
