"""Two versions on the same blocks, each answer from a process of its own: what every decision on quality rests on."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence

from selfproof.certify.pairs import quality_pair
from selfproof.charter import Guard
from selfproof.domains.base import Measured
from selfproof.jail import Job, Outcome
from selfproof.life import Life
from selfproof.nouns import Candidate, SelfproofError
from selfproof.trial import blocks as trials
from selfproof.trial.task import Sample, Task

GUARD_BLOCKS = 8
Versions = tuple[Candidate, Candidate]


class IncumbentFailed(SelfproofError):
    """The version that a candidate is measured against, or the task itself, gives nothing to measure."""


def run(life: Life, jobs: Sequence[Job], *, together: bool = False) -> list[Outcome]:
    """Run jobs in the jail, side by side or back to back in one worker, and count what they cost.

    Raises:
        SelfproofError: the jail failed twice on one of them, which is charged to nobody.
    """
    life.pause_point()
    return _counted(life, life.jail.together(jobs) if together else life.jail.map(jobs))


def _counted(life: Life, outcomes: Sequence[Outcome]) -> list[Outcome]:
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


def on_seeds(life: Life, versions: Versions, task: Task, seeds: Sequence[int], guard: Guard | None = None) -> Measured:
    """One fresh block of the confirm split per seed."""
    return begin(life, versions, task, drawn(task, seeds), guard=guard)()


def drawn(task: Task, seeds: Sequence[int]) -> list[trials.Block]:
    """The fresh block of the confirm split that each seed stands for."""
    samples = [task.samples("confirm", seed, 1)[:1] for seed in seeds]
    if not all(samples):
        raise IncumbentFailed("the task gives no sample of its confirm split", advice="Look at its `samples`.")
    return trials.prepare([one for (one,) in samples])


def on_blocks(
    life: Life, versions: Versions, task: Task, fresh: Sequence[trials.Block], guard: Guard | None = None
) -> Measured:
    """Rows hold the draws of the first version, then of the second; see ``begin``."""
    return begin(life, versions, task, fresh, guard=guard)()


def once(life: Life, version: Candidate, task: Task, fresh: Sequence[trials.Block]) -> Measured:
    """Rows of a version beside itself, from one run of each block: for a table in which nothing has changed."""
    objective = life.charter.objective(version.objective)
    limits = life.limits_of(objective)
    jobs = [trials.job(version.files, objective.entry, [block], limits) for block in fresh]
    outcomes = run(life, jobs, together=task.timed)
    rows, broken = _rows(task, [(block, block) for block in fresh], [o for o in outcomes for _ in range(2)])
    return Measured(rows, len(outcomes), sum(o.cpu_seconds for o in outcomes), life.jail.tier, broken)


def begin(
    life: Life, versions: Versions, task: Task, fresh: Sequence[trials.Block],
    others: Sequence[trials.Block] | None = None, *, guard: Guard | None = None,
) -> Callable[[], Measured]:  # fmt: skip
    """Hand both versions' trials to the workers; what it returns waits for them.

    Both get the same blocks, unless ``others`` are for the second version; a ``guard`` may have an entry and rights of
    its own. A row holds the draws of the first, then
    of the second. ``broken`` says why the second version gave no valid answer: that is a reason to refuse it,
    whatever its gain.

    Raises:
        IncumbentFailed: (from what it returns) the first version gave none.
        SelfproofError: the jail failed twice; nobody's fault is charged.
    """
    life.pause_point()
    objective = life.charter.objective(versions[0].objective)
    entry = (guard.entry if guard else "") or objective.entry
    limits = life.limits_of(guard if guard and guard.entry else objective)
    both = list(zip(fresh, fresh if others is None else others, strict=True))
    work = [(version, block) for blocks in both for version, block in zip(versions, blocks, strict=True)]
    jobs = [trials.job(version.files, entry, [block], limits) for version, block in work]
    futures = [] if task.timed else [life.jail.submit(job) for job in jobs]

    def wait() -> Measured:
        outcomes = _counted(life, [future.result() for future in futures] or _in_turn(life, jobs, fresh))
        rows, broken = _rows(task, both, outcomes)
        return Measured(rows, len(outcomes), sum(o.cpu_seconds for o in outcomes), life.jail.tier, broken)

    return wait


def _in_turn(life: Life, jobs: Sequence[Job], fresh: Sequence[trials.Block]) -> list[Outcome]:
    """The outcomes of pairs of jobs that are timed: one at a time, in an order that hangs on the sample."""
    turned = [zlib.crc32(block.data) & 1 for block in fresh]
    places = [2 * i + (j ^ turn) for i, turn in enumerate(turned) for j in (0, 1)]
    outcomes = life.jail.together([jobs[place] for place in places])
    return [outcome for _, outcome in sorted(zip(places, outcomes, strict=True), key=lambda item: item[0])]


def _rows(
    task: Task, blocks: Sequence[tuple[trials.Block, trials.Block]], outcomes: Sequence[Outcome]
) -> tuple[tuple[tuple[float, ...], ...], str | None]:
    rows: list[tuple[float, ...]] = []
    for (one, two), mine, other in zip(blocks, outcomes[::2], outcomes[1::2], strict=True):
        (a,), (b,) = trials.score(task, [one], mine), trials.score(task, [two], other)
        if a.score is None:
            raise IncumbentFailed(
                f"no valid answer where there must be one: {a.status} {a.message or ''}",
                advice="Run again: what is open goes on. If it stays, `selfproof rollback` to an earlier version.",
            )
        if rows and len(rows[0]) != 2 * len(a.draws):
            raise IncumbentFailed("the task's samples hold different numbers of draws", advice="Make them equal.")
        if b.score is None or len(b.draws) != len(a.draws):
            return tuple(rows), f"no valid answer on a fresh sample: {b.status} {b.message or ''}".strip()
        rows.append((*a.draws, *b.draws))
    return tuple(rows), None


def loses_on_a_guard(life: Life, candidate: Candidate, panel: int) -> bool:
    """Whether a candidate loses more than half a guard's margin against its high-water version, on explore samples.

    The guard would veto it later; ``panel`` is the number of the panel that is raced on now.
    """
    objective = life.charter.objective(candidate.objective)
    for guard in life.charter.guards:
        task = life.guards[guard.name]
        if guard.objective != objective.name or task.whole:  # a suite is run as a whole, once it matters
            continue
        seed = life.search_seed(guard.name, "panel", panel) % 2**63
        fresh = trials.prepare(task.samples("explore", seed, GUARD_BLOCKS))
        reference = life.version(objective, life.state.high_water(guard.name))
        measured = on_blocks(life, (reference, candidate), task, fresh, guard)
        gains = [quality_pair(row, task.better).y for row in measured.rows]
        if measured.broken is not None or -math.fsum(gains) / len(gains) > guard.margin / 2:
            return True
    return False


def company_matters(life: Life, candidate: Candidate, task: Task, samples: Sequence[Sample], seed: int) -> bool:
    """Whether a version answers the same draws otherwise beside others, where the task can regroup its samples."""
    regrouped = task.regroup(samples, seed)
    if regrouped is None:
        return False
    objective = life.charter.objective(candidate.objective)
    limits, both = life.limits_of(objective), [trials.prepare(samples), trials.prepare(regrouped[0])]
    outcomes = [
        run(life, [trials.job(candidate.files, objective.entry, [block], limits) for block in part]) for part in both
    ]
    return trials.company_matters(task, both[0], outcomes[0], both[1], outcomes[1], regrouped[1])
