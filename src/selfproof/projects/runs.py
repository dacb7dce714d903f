"""The baseline of a form whose trials are runs: what two of them gave, how far apart, and what proof would cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof import charter as charters
from selfproof.charter import Charter
from selfproof.grants import Grants
from selfproof.jail import Limits, Outcome, Pool
from selfproof.jail import values as encoded
from selfproof.nouns import SelfproofError, Trial
from selfproof.projects.writing import Draft
from selfproof.trial import blocks as trials
from selfproof.trial import loading
from selfproof.trial.task import Task

SHORT_S = 10.0  # a run that is no longer than this is made a third time where two gave the same
LEAST_PAIRS, USUAL_PAIRS = 10, 18
"""Of a first confirmation at alpha .05: the fewest that can certify, and the median where the gain is as large as the
spread of the differences (60 simulated confirmations; half as large a gain: 45)."""

Say = Callable[[str], object]


def silent(line: str) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Seen:
    """What the baseline's runs gave: values, seconds of each, MB at most; the name of the task's class that fits."""

    values: tuple[float, ...]
    times: tuple[float, ...]
    peak_mb: float
    metric: str
    workers: int
    answers: tuple[Any, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether all runs gave the same, whatever their seed."""
        return len(set(self.values)) == 1

    @property
    def seconds(self) -> float:
        """How long a run took, at most."""
        return max(self.times)

    def told(self) -> list[str]:
        """The baseline, its noise, and what a confirmation costs, in lines."""
        each = f"{time_told(min(self.times))} to {time_told(max(self.times))} a run"
        if self.exact:
            return [
                f"baseline: {self.metric} {self.values[0]:g}, {len(self.values)} times exactly, with different seeds "
                f"({each})",
                "one run is all there is: versions are compared exactly, which takes 4 runs and spends no alpha. It "
                "says nothing of other data or another seed inside your code",
            ]
        mean, spread = statistics.fmean(self.values), abs(self.values[0] - self.values[1])
        shown = " and ".join(f"{value:.6g}" for value in self.values)
        share = f", {spread / abs(mean):.1%}" if mean else ""
        least, usual = (2 * pairs * self.seconds / self.workers for pairs in (LEAST_PAIRS, USUAL_PAIRS))
        return [
            f"baseline: {self.metric} {shown} with two seeds: {spread:.3g} apart{share} ({each})",
            f"a confirmation takes at least {LEAST_PAIRS} pairs of runs ({time_told(least)} with {self.workers} at a "
            f"time), {USUAL_PAIRS} where the gain is as large as the noise ({time_told(usual)}), more where smaller",
        ]


def baseline(folder: Path, draft: Draft, say: Say = silent, needed: int = 2) -> Seen:
    """Run what a draft describes ``needed`` times in the jail, one after the other, each with another seed.

    Raises:
        SelfproofError: a run gives no valid answer; with what it said.
        JailUnavailable: this machine cannot isolate a run, or cannot give what it is granted.
    """
    charter, task = drafted(folder, draft)
    files = program_of(draft)
    objective = charter.objectives[0]
    limits = limits_of(charter, objective.allow)
    values: list[float] = []
    outcomes: list[Outcome] = []
    with Pool(1, require=charter.sandbox.require, grants=limits.grants) as pool:
        while len(values) < needed or (len(values) == 2 and len(set(values)) == 1 and outcomes[0].seconds[0] < SHORT_S):
            say(f"baseline: run {len(values) + 1}")
            block = trials.prepare(task.samples("explore", len(values) + 1, 1))
            outcome = pool.submit(trials.job(files, objective.entry, block, limits)).result()
            values.append(_value(trials.score(task, block, outcome)))
            outcomes.append(outcome)
    times = tuple(outcome.seconds[0] for outcome in outcomes)
    peak = max(outcome.max_rss_mb for outcome in outcomes)
    workers = 1 if task.timed else charter.sandbox.workers
    answers = tuple(encoded.decode(outcome.outputs[0]) for outcome in outcomes)
    return Seen(tuple(values), times, peak, objective.metric, workers, answers)


def drafted(folder: Path, draft: Draft) -> tuple[Charter, Task]:
    """A draft's charter and the task of its first objective, by way of a scratch folder.

    Raises:
        UsageError: one of them is not sound.
    """
    charter = laid_out(folder, draft)
    task = loading.load(folder, charter)[0][charter.objectives[0].name]
    assert isinstance(task, Task)
    return charter, task


def laid_out(folder: Path, draft: Draft) -> Charter:
    """Write a draft into a scratch folder; its charter.

    Raises:
        CharterError: it is not sound.
    """
    for name, text in draft.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return charters.load(folder / "charter.toml")


def program_of(draft: Draft) -> dict[str, str]:
    """The program's files."""
    return {name.removeprefix("program/"): text for name, text in draft.files.items() if name.startswith("program/")}


def limits_of(charter: Charter, allow: Sequence[str]) -> Limits:
    """Ceilings of one trial that is allowed these."""
    sandbox = charter.sandbox
    grants = Grants.parse([*sandbox.allow, *allow])
    return Limits(wall_s=sandbox.wall_s, cpu_s=max(1, int(sandbox.wall_s)), memory_mb=sandbox.memory_mb, grants=grants)


def _value(scored: Sequence[Trial]) -> float:
    """The score of a run.

    Raises:
        SelfproofError: it has none.
    """
    trial = scored[0]
    if trial.score is not None:
        return trial.score
    said = trial.message or trial.status
    raise SelfproofError(f"it does not run in the jail: {said}", advice=advice_on(trial.status, said))


def advice_on(status: str, said: str) -> str:
    """What usually helps."""
    if "ModuleNotFoundError" in said or "No module named" in said:
        return "Install selfproof into the environment that your command runs in: its packages are seen in the jail."
    if "FileNotFoundError" in said or "No such file" in said:
        return (
            "Only the project's text files go along: --files adds some, --allow data:/FOLDER lets a run read a folder."
        )
    if "getaddrinfo" in said or "URLError" in said or "resolve" in said or "Network is unreachable" in said:
        return "A run has no network: load data beforehand and grant its folder with --allow data:/FOLDER."
    if status == "oom" or "MemoryError" in said or "Cannot allocate" in said:
        return "Give it more memory: --memory MB."
    if "not done within" in said or status == "timeout":
        return "Give it more time: --minutes-each M."
    if "no `" in said:
        return "Print it as `name: value`, or say where it is: --metric-file FILE.json:KEY"
    return "The command runs in a folder that holds a copy of the project's text files; try it in such a copy."


def time_told(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    if not math.isfinite(seconds):
        return "for ever"
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}"
    return f"{1000 * seconds:.0f} ms"
