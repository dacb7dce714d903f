"""The baseline twice, so that the noise is seen, and what a run would cost."""

from __future__ import annotations

import time
from pathlib import Path

from selfproof import life as lives
from selfproof.archive.tree import matches
from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.jail import Job, values
from selfproof.life import Life
from selfproof.nouns import SelfproofError
from selfproof.observe import profile
from selfproof.trial import replay
from selfproof.trial.task import Workload

INPUTS = 4
HOT, LEAST_SHARE = 8, 0.005
ADVICE = "What it needs may be missing there: files, a network, or a package that is not installed here."


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
                said = _speed(life, objective, task)
                alone = len(life.charter.objectives) == 1
                told += said if alone else [f"{objective.name}: {line}" for line in said]
    return told


def _speed(life: Life, objective: Objective, task: Workload) -> list[str]:
    views = task.inputs("explore", 0, INPUTS)
    limits, files = life.limits_of(objective), life.files()
    began = time.monotonic()
    jobs = [Job(files, objective.entry, [values.encode(v) for v in views], limits=limits, timed=True) for _ in range(2)]
    outcomes = paired.run(life, jobs, together=True)
    profiled = paired.run(life, [profile.profile_job(files, objective.entry, views[0], limits)])[0]
    for outcome in (*outcomes, profiled):
        if outcome.status != "ok":
            raise SelfproofError(
                f"it does not run in the jail: {outcome.status} {outcome.message or ''}".rstrip(), advice=ADVICE
            )
    spent = (time.monotonic() - began) / (3 * INPUTS)
    first, second = (replay.counted(outcome) for outcome in outcomes)
    noise = abs(first - second) / max(first, second)
    hot = profile.hot_functions(profiled, files, objective.files, LEAST_SHARE, HOT)
    hot = [one for one in hot if not matches(one.path, life.charter.program.protected)]
    minutes = life.charter.budget.minutes
    return [
        "time goes to " + (", ".join(f"{one.function} {one.own:.0%}" for one in hot[:5]) or "code that is not Python"),
        f"baseline, the same {INPUTS} inputs twice: {seconds(first)} and {seconds(second)}, {noise:.0%} apart",
        f"one comparison takes about {seconds(4 * spent)}: `selfproof run` ({minutes:g} min) has room for about "
        f"{60 * minutes / (4 * spent):,.0f}, and needs no money",
    ]


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"
