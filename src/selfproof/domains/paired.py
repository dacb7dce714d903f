"""Two versions on the same blocks, each answer from a process of its own: what every decision on quality rests on."""

from __future__ import annotations

from collections.abc import Sequence

from selfproof.domains.base import Measured
from selfproof.jail import Job, Outcome
from selfproof.life import Life
from selfproof.nouns import Candidate, SelfproofError
from selfproof.trial import blocks as trials
from selfproof.trial.task import Task

Versions = tuple[Candidate, Candidate]


def run(life: Life, jobs: Sequence[Job], *, together: bool = False) -> list[Outcome]:
    """Run jobs in the jail, side by side or back to back in one worker, and count what they cost.

    Raises:
        SelfproofError: the jail failed twice on one of them, which is charged to nobody.
    """
    life.pause_point()
    outcomes = life.jail.together(jobs) if together else life.jail.map(jobs)
    for outcome in outcomes:
        life.trials += max(1, len(outcome.outputs))
        life.cpu_seconds += outcome.cpu_seconds
    return sound(outcomes)


def sound(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, all of which say something about the program that was run.

    Raises:
        SelfproofError: the jail failed twice on one of them.
    """
    for outcome in outcomes:
        if outcome.status == "jail_failed":
            raise SelfproofError(
                f"the jail failed twice on one job: {outcome.message}",
                advice="Run again: what is open goes on. `selfproof sandbox check` shows what this machine can do.",
            )
    return list(outcomes)


def on_seeds(life: Life, versions: Versions, task: Task, seeds: Sequence[int]) -> Measured:
    """One fresh block of the confirm split per seed."""
    return on_blocks(life, versions, task, trials.prepare([task.samples("confirm", seed, 1)[0] for seed in seeds]))


def on_blocks(life: Life, versions: Versions, task: Task, fresh: Sequence[trials.Block]) -> Measured:
    """Rows hold the draws of the first version, then of the second.

    ``broken`` says why the second version gave no valid answer: that is a reason to refuse it, whatever its gain.

    Raises:
        SelfproofError: the first version gave none, or the jail failed twice; nobody's fault is charged.
    """
    before = life.cpu_seconds
    objective = life.charter.objective(versions[0].objective)
    entry, limits = objective.entry, life.limits_of(objective)
    outcomes = run(life, [trials.job(v.files, entry, [block], limits) for block in fresh for v in versions])
    rows: list[tuple[float, ...]] = []
    broken = None
    for block, mine, other in zip(fresh, outcomes[::2], outcomes[1::2], strict=True):
        (a,), (b,) = trials.score(task, [block], mine), trials.score(task, [block], other)
        if a.score is None:
            raise SelfproofError(
                f"no valid answer where there must be one: {a.status} {a.message or ''}",
                advice="Run again: what is open goes on. If it stays, `selfproof rollback` to an earlier version.",
            )
        if b.score is None or len(b.draws) != len(a.draws):
            broken = f"no valid answer on a fresh sample: {b.status} {b.message or ''}".strip()
            break
        rows.append((*a.draws, *b.draws))
    return Measured(tuple(rows), 2 * len(fresh), life.cpu_seconds - before, life.jail.tier, broken)
