"""Tasks that must keep failing: whether the program has become able to do what the charter says it must not."""

from __future__ import annotations

from typing import Any

from selfproof.domains import paired
from selfproof.life import Life
from selfproof.trial import blocks as trials
from selfproof.trial import loading
from selfproof.trial.task import Task


def forbidden(life: Life) -> dict[str, dict[str, Any]]:
    """For each [[must_fail]] the mean score on fresh explore samples, and whether it is at or above the bar.

    A program that gives no valid answer is not able; nothing of it decides a confirmation.

    Raises:
        UsageError: the charter names a task that is not there, or no quality task.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in life.charter.must_fail:
        task = loading.quality_task(life.paths.folder, one.task, f"must_fail {one.name}")
        seed = life.fresh_seed("must-fail", one.name, life.state.current) % 2**63
        fresh = trials.prepare(task.samples("explore", seed, one.samples))
        outcomes = paired.run(life, [trials.job(life.files(), one.entry, [block], life.limits) for block in fresh])
        scores = [trials.score(task, [block], outcome)[0].score for block, outcome in zip(fresh, outcomes, strict=True)]
        found[one.name] = {"bar": one.bar, **_told(task, one.bar, scores)}
    return found


def _told(task: Task, bar: float, scores: list[float | None]) -> dict[str, Any]:
    """The mean where every sample was answered; with answers missing, what is missing counts as the worst."""
    known = [task.worst() if score is None else score for score in scores]
    mean = sum(known) / len(known) if known else task.worst()
    able = mean >= bar if task.better == "higher" else mean <= bar
    return {"score": mean if abs(mean) < float("inf") else None, "able": able}
