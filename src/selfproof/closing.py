"""The closing table: where the program started, where it is now, and what that is worth, on draws never used before.

Every row is measured on the report split: start and now, people's rules (tuned on the explore split with at least as
many evaluations as the search spent), a search that may change constants only (with as many candidates), the same
rule on other corpora, and each slice. What was not run says so.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Generator, Sequence
from dataclasses import asdict
from typing import Any

from selfproof.certify.effect import Estimate, mean_interval, median_interval
from selfproof.certify.pairs import speed_pair
from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.domains.base import Domain, Measured
from selfproof.domains.paired import IncumbentFailed
from selfproof.domains.quality import Quality
from selfproof.domains.slow import Slow
from selfproof.domains.speed import Speed
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Event
from selfproof.operators import EditImpossible, edit_function
from selfproof.oversight.stop import Stop
from selfproof.trial import blocks as trials
from selfproof.trial.task import Baseline, Task

SPEED_PAIRS = 12
LEAST_EVALUATIONS = 500
LEAST_BLOCKS = 4
AT_ONCE = 96  # candidates of one batch of the constants-only control
IDLE = 3  # batches with nothing new, after which it has no more to try
LEAVE = 0.5  # share of an objective's part of the time that it leaves for people's rules and the rest of the row
RESERVE_S, MORE_S = 30.0, 15.0  # for one objective, and for each further one
LEAST_SHARE, MOST_SHARE = 0.15, 0.25  # of a run: a longer search has more candidates to be compared with


def reserve(seconds: float, objectives: int) -> float:
    """Seconds of a run that are kept for the closing table."""
    return min(max(RESERVE_S + MORE_S * (objectives - 1), LEAST_SHARE * seconds), MOST_SHARE * seconds)


def table(life: Life, stop: Stop, domains: dict[str, Domain]) -> Generator[Event, None, list[dict[str, Any]]]:
    """Measure and return one row per objective; yields progress."""
    rows: list[dict[str, Any]] = []
    wanted = [(o, domains[o.name]) for o in life.charter.objectives if o.name in domains]
    for place, (objective, domain) in enumerate(wanted):
        yield {"event": "closing", "objective": objective.name}
        if isinstance(domain, Quality):
            left = stop.left * (1.0 - 1.0 / (len(wanted) - place))
            rows.append((yield from quality_row(life, stop, domain, left)))
        elif isinstance(domain, Speed):
            rows.append(speed_row(life, objective, domain))
    for row in rows:
        row["certified"] = certified(life, row["name"])
    return rows


def certified(life: Life, name: str) -> int:
    """How many certified changes of an objective stand."""
    standing = [c for c in life.state.confirmations.values()
                if c.version is not None and not life.state.versions[c.version].rolled_back]  # fmt: skip
    return sum(c.body["objective"] == name and (c.verdict or {}).get("answer") == "certified" for c in standing)


def _sign(better: str) -> float:
    return 1.0 if better == "lower" else -1.0


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.fmean(row) for row in rows]


def _told(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "interval": [estimate.low, estimate.high], "blocks": estimate.n}


def quality_row(life: Life, stop: Stop, domain: Quality, leave: float) -> Generator[Event, None, dict[str, Any]]:
    """Start, now, people's rules, the constants-only control, transfer and slices of one quality objective.

    ``leave``: seconds of what is left that belong to other objectives.
    """
    objective, task = domain.objective, domain.task
    start, now = life.version(objective, 0), life.version(objective)
    seed = life.fresh_seed("report", objective.name)
    changed = start.id != now.id
    fresh = trials.prepare(task.samples("report", seed, _blocks(domain, stop.left - leave, 2 if changed else 1)))
    measured = paired.on_blocks(life, (start, now), task, fresh) if changed else paired.once(life, now, task, fresh)
    first, last = _split(measured)
    unanswered, fresh = len(fresh) - len(first), fresh[: len(first)]
    evaluations = life.archive.counts().get(domain.stream, 0)
    spent = max(evaluations, LEAST_EVALUATIONS)
    constants = None
    if not isinstance(domain, Slow) or task.short_seconds:  # else as many dear runs as the search, mostly constants too
        yield {"event": "closing", "objective": objective.name, "step": "constants-only control"}
        constants = constants_only(life, stop, domain, fresh, leave)
    people = task.baselines(seed % 2**32, spent, [block.sample for block in fresh]) if evaluations or changed else []
    best = min(people, key=lambda b: _sign(task.better) * statistics.fmean(_means(b.draws)), default=None)
    row: dict[str, Any] = {
        "name": objective.name, "metric": objective.metric, "better": objective.better,
        "start": _interval(_means(first)).value, "now": _interval(_means(last)).value,
        "interval": _bounds(_means(last)), "start_interval": _bounds(_means(first)), "blocks": len(fresh),
        "gain": _difference(task, first, last), "best_human": _human(best, last, task) if best else None,
        "humans": [{"name": b.name, **_told(_interval(_means(b.draws)))} for b in people],
        "human_evaluations": min((b.tries or spent for b in people), default=spent),
        "evaluations": evaluations, "constants_only": constants,
        "transfer": transfer(life, domain, seed), "slices": slices(task, fresh, first, last, best),
    }  # fmt: skip
    if unanswered:  # where the version that runs gives no answer in time, on a machine that is busy
        row["unanswered"] = {"blocks": unanswered, "why": measured.broken}
    row["transfers"] = transfer_words(row)
    return exactly(row) if task.whole else row


def _blocks(domain: Quality, seconds: float, versions: int) -> int:
    """Blocks for the table: where an answer takes long, as many as these seconds allow, four at least.

    Half of them are for the versions, the rest is for people's rules and the control.
    """
    sizes = domain.sizes
    if domain.task.whole or not sizes.pair_s:
        return sizes.blocks
    affordable = int(seconds / (versions * sizes.pair_s))
    return min(sizes.blocks, max(LEAST_BLOCKS, affordable))


def exactly(row: dict[str, Any]) -> dict[str, Any]:
    """The row of a whole population: its means are no estimates, so that every interval is its value."""
    row |= {"whole": True, "interval": [row["now"]] * 2, "start_interval": [row["start"]] * 2}
    for part in (row["gain"], row["constants_only"], (row["constants_only"] or {}).get("now_is_better_by")):
        if part:
            part["interval"] = [part["value"]] * 2
    return row


def _split(measured: Measured) -> tuple[list[Sequence[float]], list[Sequence[float]]]:
    """Each version's draws of the blocks before the first that the second gave no valid answer to.

    Raises:
        IncumbentFailed: that was the very first.
    """
    rows = measured.rows
    if not rows:
        raise IncumbentFailed(
            f"the closing table cannot be measured: {measured.broken}",
            advice="Run again when the machine is less busy. If it stays, `selfproof rollback` to an earlier version.",
        )
    half = len(rows[0]) // 2
    return [row[:half] for row in rows], [row[half:] for row in rows]


def _bounds(values: Sequence[float]) -> list[float]:
    found = _interval(values)
    return [found.low, found.high]


def _interval(values: Sequence[float]) -> Estimate:
    """As ``mean_interval``; of a single value, the one of a whole population, itself."""
    return mean_interval(values) if len(values) > 1 else Estimate(values[0], values[0], values[0], 1)


def _difference(task: Task, one: Sequence[Sequence[float]], two: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How much better ``two`` is than ``one``, paired by block."""
    sign = _sign(task.better)
    return _told(_interval([sign * (a - b) for a, b in zip(_means(one), _means(two), strict=True)]))


def _human(best: Baseline, last: Sequence[Sequence[float]], task: Task) -> dict[str, Any]:
    """The best human rule, and now as a multiple of it with the interval of the paired difference."""
    value = statistics.fmean(_means(best.draws))
    behind = _interval([b - a for a, b in zip(_means(best.draws), _means(last), strict=True)])
    ratio = [1 + behind.low / value, 1 + behind.high / value]
    return {"name": best.name, "value": value, "tuned": best.tuned, "ratio": 1 + behind.value / value,
            "ratio_interval": ratio}  # fmt: skip


def transfer(life: Life, domain: Quality, seed: int) -> list[dict[str, Any]]:
    """The same rule on the guards' corpora, start against now."""
    start, now = life.version(domain.objective, 0), life.version(domain.objective)
    rows = []
    for guard in life.charter.guards:
        task = life.guards[guard.name]
        if guard.objective != domain.objective.name or task.whole:  # a suite that must not break is no other corpus
            continue
        fresh = trials.prepare(task.samples("report", seed, domain.sizes.blocks))
        first, last = _split(paired.on_blocks(life, (start, now), task, fresh, guard))
        gain = _difference(task, first, last)
        rows.append(
            {"corpus": guard.name, "start": statistics.fmean(_means(first)), "now": statistics.fmean(_means(last)),
             "interval": _bounds(_means(last)), "gain": gain}
        )  # fmt: skip
    return rows


def transfer_words(row: dict[str, Any]) -> str:
    """One sentence: does the gain carry over, by at least half, to text that the rule was not chosen on?"""
    if not row["transfer"]:
        return "no other corpus was tried"
    main = row["gain"]["value"]
    poor = [t["corpus"] for t in row["transfer"] if t["gain"]["interval"][0] < 0.5 * main or main <= 0]
    if poor:
        return f"the gain does not carry over by at least half to: {', '.join(poor)}"
    return "better than the start on every other corpus too, by at least half of the main gain (95% interval)"


def slices(
    task: Task, fresh: Sequence[trials.Block], first: Sequence[Sequence[float]], last: Sequence[Sequence[float]],
    best: Baseline | None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Mean per slice with the interval over blocks that hold it."""
    rows = []
    kinds = [task.slice_of(block.sample) for block in fresh]
    sets = {"start": first, "now": last, **({"best_human": best.draws} if best else {})}
    for index, name in enumerate(task.slices):
        row: dict[str, Any] = {"slice": name}
        for label, draws in sets.items():
            means = [
                statistics.fmean(values)
                for kind, line in zip(kinds, draws, strict=True)
                if (values := [v for k, v in zip(kind, line, strict=True) if k == index])
            ]
            row[label] = _told(mean_interval(means)) if len(means) > 1 else None
        row["draws"] = sum(k == index for kind in kinds for k in kind)
        rows.append(row)
    return rows


def constants_only(
    life: Life, stop: Stop, domain: Quality, fresh: Sequence[trials.Block], leave: float
) -> dict[str, Any] | None:
    """What changing constants alone reaches from the start with as many candidates; None if there was no time.

    The same population, panel and races; only the edits are the engine's own. None too where the focus is no Python.
    Where the time allows fewer candidates, how many that were is part of the answer.
    """
    if not domain.path.endswith(".py"):
        return None
    control = type(domain)(life, domain.objective, stream=f"{domain.objective.name}-constants", operators=["constant"])
    control.evaluated = life.archive.counts().get(control.stream, 0)
    wanted = life.archive.counts().get(domain.stream, 0)
    last, idle = leave + (stop.left - leave) * LEAVE, 0
    while control.evaluated < wanted and stop.left > last and idle < IDLE:
        before = control.evaluated
        control.observe()
        for _ in control.race(constant_edits(life, control)):
            pass
        idle = idle + 1 if control.evaluated == before else 0
    if not control.evaluated and idle < IDLE:
        return None
    if not control.population.members:
        control.observe()
    best = control.population.best
    files = {**life.version(domain.objective, 0).files, control.path: best.source}
    version = Candidate(best.id, domain.objective.name, files)
    first, last_rows = _split(paired.on_blocks(life, (version, life.version(domain.objective)), domain.task, fresh))
    return {**_told(_interval(_means(first))), "evaluations": control.evaluated,
            "now_is_better_by": _difference(domain.task, first, last_rows)}  # fmt: skip


def constant_edits(life: Life, control: Quality) -> list[Candidate]:
    """Versions from the control's population with one constant or two changed."""
    rng = random.Random(life.search_seed(control.stream, "propose", life.state.batches.get(control.stream, 0)))
    start, found = life.files(0), []
    most = (
        control.sizes.batch // 4 if isinstance(control, Slow) else 2 * control.sizes.batch
    )  # a batch is not cut short
    parents = control.population.parents(max(1, min(AT_ONCE, most)), rng)
    for number, parent in enumerate(parents):
        repeat, function = 1 if rng.random() < 0.7 else 2, control.functions[number % len(control.functions)]
        try:
            text, title = edit_function(parent.source, function, "constant", rng, repeat=repeat)
        except (EditImpossible, SyntaxError):
            continue
        edit = Edit(control.objective.name, {control.path: text}, title, "constant", parent.id)
        found.append(life.candidate(control.objective, {**start, **edit.files}, edit=edit))
    return found


def speed_row(life: Life, objective: Objective, domain: Speed) -> dict[str, Any]:
    """The workload's time at the start and now, and each rewritten function's ratio, on inputs of the report split."""
    start, now = life.files(0), life.files()
    functions = sorted(
        {c.body["notes"]["function"] for c in life.state.confirmations.values()
         if c.version is not None and c.body["objective"] == objective.name}
    )  # fmt: skip
    changed = life.version(objective, 0).id != life.version(objective).id
    seed = life.fresh_seed("report", objective.name)
    row: dict[str, Any] = {
        "name": objective.name, "metric": objective.metric, "better": objective.better, "best_human": None,
        "constants_only": None, "transfer": [], "functions": [], "hot": [asdict(hot) for hot in domain.spots.hot],
    }  # fmt: skip
    times = domain.whole(start, now, "report", seed, SPEED_PAIRS)
    ratio = median_interval([speed_pair(t).y for t in times])
    row["start"] = statistics.median(t[0] for t in times)
    row["now"] = row["start"] / math.exp(ratio.value)
    row["interval"] = [row["start"] / math.exp(ratio.high), row["start"] / math.exp(ratio.low)]
    row["ratio"] = {"value": math.exp(ratio.value), "interval": [math.exp(ratio.low), math.exp(ratio.high)]}
    for function in functions if changed else []:
        ys = [speed_pair(t).y for t in domain.replays(start, now, function, seed, SPEED_PAIRS)]
        if len(ys) >= 6:
            found = {k: math.exp(v) for k, v in asdict(median_interval(ys)).items() if k != "n"}
            row["functions"].append(
                {"function": function, "ratio": found["value"], "interval": [found["low"], found["high"]]}
            )
    return row
