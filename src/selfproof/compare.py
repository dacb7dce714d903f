"""Two versions of a program on the same samples: the paired difference with its 95% interval."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

from selfproof.adopt import repo
from selfproof.certify.effect import Estimate, mean_interval, median_interval
from selfproof.certify.pairs import quality_pair, speed_pair
from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.domains.quality import Quality
from selfproof.domains.speed import Speed
from selfproof.life import Life
from selfproof.loop import domain_of
from selfproof.nouns import Files, UsageError
from selfproof.trial import blocks as trials
from selfproof.trial.holdout import FiniteTask

PAIRS = 20
SPLITS = ("explore", "confirm", "report")


def files_of(life: Life, name: str) -> dict[str, str]:
    """The files that "start", "now", "anchor", a version number or a commit names.

    Raises:
        UsageError: nothing is called that.
    """
    state = life.state
    numbers = {"start": 0, "now": state.current, "anchor": state.anchor}
    number = numbers.get(name, int(name) if name.isdecimal() and len(name) < 6 else None)
    if number is not None and number < len(state.versions):
        return life.files(number)
    try:
        if not name.startswith("-"):
            return repo.show(life.tree, f"{name}^{{commit}}")
    except repo.RepoError:
        pass
    raise UsageError(
        f"no version is called {name!r}",
        advice=f"Use start, now, anchor, a version number from 0 to {len(state.versions) - 1}, or a commit.",
    )


def compare(life: Life, one: Files, two: Files, objective: Objective, on: str, seed: int) -> dict[str, Any]:
    """Compare on a split or on a reader's own text file; ``difference`` is b - a in the metric's unit.

    Raises:
        UsageError: ``on`` is neither a split nor a readable text file that the task can use.
    """
    if objective.kind == "speed":
        return _speed(life, one, two, objective, on, seed)
    domain = domain_of(life, objective)
    assert isinstance(domain, Quality)
    task = domain.task
    if on == "confirm" and isinstance(task, FiniteTask) and not task.whole:
        raise UsageError(
            f"the confirm items of {objective.name} are a hold-out: its answers are for the gate alone",
            advice="Compare on explore or report.",
        )
    samples = task.samples(on, seed, domain.sizes.blocks) if on in SPLITS else _from_file(domain, Path(on), seed)  # type: ignore[arg-type]
    a, b = (life.candidate(objective, files) for files in (one, two))
    rows = paired.on_blocks(life, (a, b), task, trials.prepare(samples)).rows
    gains = [quality_pair(row, task.better).y for row in rows]
    mean = math.fsum(gains) / len(gains)
    found = Estimate(mean, mean, mean, len(gains)) if task.whole else mean_interval(gains)
    half = len(rows[0]) // 2
    means = [sum(math.fsum(row[i * half : (i + 1) * half]) for row in rows) / half / len(rows) for i in (0, 1)]
    sign = -1.0 if task.better == "lower" else 1.0
    ends = sorted((sign * found.low, sign * found.high))
    return {
        "objective": objective.name, "on": on, "metric": task.metric, "better_is": task.better, "a": means[0],
        "b": means[1], "difference": means[1] - means[0], "interval": ends, "blocks": found.n, "better": _better(found),
    }  # fmt: skip


def _better(gain: Estimate) -> str:
    if gain.low > 0:
        return "b"
    return "a" if gain.high < 0 else "neither"


def _from_file(domain: Quality, path: Path, seed: int) -> list[Any]:
    if not path.is_file():
        raise UsageError(f"{path} is neither a split ({', '.join(SPLITS)}) nor a file", advice="Check --on.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path} as UTF-8 text: {error}", advice="Give a plain text file.") from None
    try:
        return domain.task.from_text(text, seed, domain.sizes.blocks)
    except NotImplementedError:
        raise UsageError(
            f"objective {domain.objective.name} cannot be compared on a file",
            advice=f"Use one of: {', '.join(SPLITS)}.",
        ) from None


def _speed(life: Life, one: Files, two: Files, objective: Objective, on: str, seed: int) -> dict[str, Any]:
    if on not in SPLITS:
        raise UsageError(f"a speed objective is compared on a split, not on {on!r}", advice=f"One of: {SPLITS}.")
    times = Speed(life, objective).whole(one, two, on, seed, PAIRS)  # type: ignore[arg-type]
    found = median_interval([speed_pair(t).y for t in times])
    a = statistics.median(t[0] for t in times)
    b = a * math.exp(-found.value)  # by the paired ratio: two separate medians could contradict the interval
    return {
        "objective": objective.name, "on": on, "metric": objective.metric, "better_is": "lower", "a": a, "b": b,
        "difference": b - a, "interval": [a * math.expm1(-found.high), a * math.expm1(-found.low)],
        "ratio": math.exp(found.value), "pairs": found.n, "better": _better(found),
    }  # fmt: skip
