"""Two versions on the same few explore samples: how good they are, what they take, where only the answer changed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.jail import Outcome, values
from selfproof.life import Life
from selfproof.nouns import Candidate
from selfproof.trial import blocks as trials
from selfproof.trial.exchange import answered
from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Sample, Task, Workload

TOLERANCE = 1e-6  # below which two numbers are the same answer, or the same score
BLOCKS, SINGLES, SLOW = 8, 48, 1
TIMES = 3  # runs of which the least CPU counts: a busy machine makes nothing dearer


@dataclass
class Answers:
    """What one version answered: encoded outputs, scores by draw (None: no valid answer), and the least it took."""

    outputs: tuple[bytes, ...] = ()
    draws: list[tuple[float, ...] | None] = field(default_factory=list)
    cpu_s: float | None = None
    seconds: float | None = None
    mb: float | None = None

    @property
    def mean(self) -> float | None:
        """The mean score; None unless every sample has one."""
        scores = [math.fsum(draws) / len(draws) for draws in self.draws if draws]
        return math.fsum(scores) / len(scores) if scores and len(scores) == len(self.draws) else None


def samples_of(life: Life, objective: Objective) -> list[Sample]:
    """The objective's frozen probe set, from the explore split and the program's own search seed."""
    task, seed = life.tasks[objective.name], life.search_seed(objective.name, "examined") % 2**63
    if isinstance(task, Workload):
        return [Sample(value) for value in task.inputs("explore", seed, BLOCKS // 2)]
    slow = task.seconds > 0
    found = task.samples("explore", seed, SLOW if slow else SINGLES if isinstance(task, FiniteTask) else BLOCKS)
    return [task.short(sample) for sample in found] if slow and task.short_seconds > 0 else found


def answers_of(
    life: Life, objective: Objective, versions: Sequence[Candidate], samples: Sequence[Sample]
) -> list[Answers]:
    """What each version answers in the jail, in processes of its own."""
    task, limits = life.tasks[objective.name], life.limits_of(objective)
    times = 1 if isinstance(task, Task) and task.seconds > 0 else TIMES
    fresh = trials.prepare(samples)
    jobs = [trials.job(version.files, objective.entry, fresh, limits) for _ in range(times) for version in versions]
    outcomes = paired.run(life, jobs)
    return [_of(task, fresh, outcomes[place :: len(versions)]) for place in range(len(versions))]


def _of(task: Task | Workload, fresh: Sequence[trials.Block], outcomes: Sequence[Outcome]) -> Answers:
    first = outcomes[0]
    found = Answers(first.outputs)
    if isinstance(task, Task):
        found.draws = [trial.draws or None for trial in trials.score(task, fresh, first)]
    if all(outcome.status == "ok" for outcome in outcomes):
        found.cpu_s = min(outcome.cpu_seconds for outcome in outcomes)
        found.seconds = min(math.fsum(outcome.seconds) for outcome in outcomes)
        found.mb = min(outcome.max_rss_mb for outcome in outcomes)
    return found


def compared(
    task: Task | Workload, objective: Objective, samples: Sequence[Sample], before: Answers, after: Answers
) -> dict[str, dict[str, float | None]]:
    """What the two versions' answers say to the tripwires that look at answers."""
    name = objective.name
    ratio = _faster(before, after) if isinstance(task, Workload) else _better(objective, before, after)
    found: dict[str, dict[str, float | None]] = {"acceleration": {} if ratio is None else {name: ratio}}
    found["behaviour"] = {name: changed(task, samples, before, after)}
    if isinstance(task, Task):
        found["slices"] = losses(task, objective, samples, before, after)
    return found


def _faster(before: Answers, after: Answers) -> float | None:
    if before.seconds is None or after.seconds is None:
        return math.nan if before.seconds is not None else None
    return before.seconds / max(after.seconds, 1e-9)


def _better(objective: Objective, before: Answers, after: Answers) -> float | None:
    """How many times as good; None for scores that have no ratio, no number where there was no valid answer."""
    old, new = before.mean, after.mean
    if old is None or new is None:
        return math.nan if old is not None else None
    worse, better = (old, new) if objective.better == "lower" else (new, old)
    if worse < 0 or better < 0 or worse == 0:
        return None
    return worse / better if better > 0 else math.inf


def changed(task: Task | Workload, samples: Sequence[Sample], before: Answers, after: Answers) -> float:
    """The share of answers that changed although they score the same; no number where the new version gave none."""
    if len(after.outputs) < len(before.outputs):
        return math.nan
    told: list[bool] = []
    for place, sample in enumerate(samples[: len(before.outputs)]):
        old, new = before.outputs[place], after.outputs[place]
        if isinstance(task, Workload):
            told.append(not _equal(values.decode(old), values.decode(new)))
        else:
            told += _changed_draws(task, sample, (old, new), (before.draws[place], after.draws[place]))
    return sum(told) / len(told) if told else 0.0


def _changed_draws(
    task: Task, sample: Sample, outputs: tuple[bytes, bytes], draws: tuple[tuple[float, ...] | None, ...]
) -> list[bool]:
    """For each draw of a sample whether its answer changed and its score did not."""
    old, new = draws
    if old is None or new is None:
        return [False] if old is None else [True]
    first, second = (answered(output) for output in outputs)
    rows = _rows(task, sample, first, len(old)), _rows(task, sample, second, len(old))
    if len(old) == len(new) > 1 and rows[0] is not None and rows[1] is not None:
        apart = [not _equal(a, b) for a, b in zip(*rows, strict=True)]
        return [moved and _equal(a, b) for moved, a, b in zip(apart, old, new, strict=True)]
    return [not _equal(first, second) and len(old) == len(new) and _equal(list(old), list(new))]


def _rows(task: Task, sample: Sample, answer: Any, draws: int) -> Any:
    """The part of an answer that belongs to each draw, None where that cannot be told."""
    parts = answer if isinstance(answer, list | tuple) else task.rows(sample, answer)
    return parts if parts is not None and len(parts) == draws else None


def _equal(one: Any, two: Any) -> bool:
    """Whether two plain values are the same up to rounding."""
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        if one.shape != two.shape or one.dtype.kind != two.dtype.kind:
            return False
        close = one.dtype.kind in "fc" and np.allclose(one, two, TOLERANCE, 1e-12, equal_nan=True)
        return bool(close or np.array_equal(one, two))
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=1e-12) or (math.isnan(one) and math.isnan(two))
    if type(one) is not type(two):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(_equal, one, two))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_equal(one[key], two[key]) for key in one)
    return bool(one == two)


def losses(
    task: Task, objective: Objective, samples: Sequence[Sample], before: Answers, after: Answers
) -> dict[str, float | None]:
    """What each group of draws has lost on average, as a share of the objective's margin; a gain is no loss."""
    sign = 1.0 if objective.better == "lower" else -1.0
    groups: dict[str, list[float]] = {}
    for sample, old, new in zip(samples, before.draws, after.draws, strict=True):
        if old is None or new is None or len(old) != len(new):
            continue
        for group, a, b in zip(task.groups(sample, len(old)), old, new, strict=True):
            if group:
                groups.setdefault(group, []).append(sign * (b - a))
    return {f"{group} of {objective.name}": max(0.0, statistics.fmean(lost)) / objective.margin
            for group, lost in sorted(groups.items())}  # fmt: skip
