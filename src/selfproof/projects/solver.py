"""``selfproof init --solver``: a function of the user's that answers samples of a task, an agent for instance.

The program is the solver's file, what it imports of the project, and the prompts and settings that it names; the task
and everything that it needs stay outside the jail, where its answers are scored.
"""

from __future__ import annotations

import ast
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from selfproof.archive.tree import matches
from selfproof.domains.sizes import SINGLE, USUAL
from selfproof.jail import Pool
from selfproof.nouns import SelfproofError, UsageError
from selfproof.projects import choices, closure, origin, runs, suite, texts, trusted, writing
from selfproof.projects.closure import Source
from selfproof.projects.origin import Origin, Original
from selfproof.projects.settings import assigned
from selfproof.projects.texts import Texts
from selfproof.projects.trusted import Trusted
from selfproof.projects.writing import Draft, Made
from selfproof.trial import blocks as trials
from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Task

FORM = "solver"
SCRATCH = "scratch:64"
MEMORY_MB = 2048
SHOWN = 8  # explore samples of the baseline
SLOW_S = 0.1  # an answer that takes longer than this makes races shorter
LEAST_S, MARGIN_S, PATIENCE = 10.0, 5.0, 5.0
FIRST_S = 600.0
SKIPPED = ("README*", "LICENSE*", "CHANGELOG*", "pyproject.toml", "*.lock", "*.cfg", "requirements*.txt", "Makefile")


@dataclass(frozen=True)
class Options:
    """What a person may say: FILE.py:function and FILE.py:Class; the rest as for a command."""

    solver: str
    task: str = ""
    files: tuple[str, ...] = ()
    edit: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    minutes_each: float = 0.0
    memory_mb: int = 0
    tests: str = ""
    seed: int | None = None


@dataclass(frozen=True)
class Plan:
    """What is written: the program's files and where they are from, the task's, the charter's values, told lines."""

    program: Mapping[str, str]
    originals: Mapping[str, Original]
    task: Trusted
    charter: Mapping[str, Any]
    told: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What the first answers were: their scores in two rounds, the seconds of an answer, the task."""

    rounds: tuple[tuple[float, ...], tuple[float, ...]]
    seconds: float
    task: Task

    def told(self) -> list[str]:
        """The baseline and its noise, and how many samples there are."""
        first, second = (math.fsum(scores) / len(scores) for scores in self.rounds)
        repeat = "the same each time" if self.rounds[0] == self.rounds[1] else f"{first:g} and then {second:g}"
        lines = [
            f"baseline: {self.task.metric} {first:g} on {len(self.rounds[0])} samples ({repeat}), "
            f"{runs.time_told(self.seconds)} an answer"
        ]
        if not isinstance(self.task, FiniteTask):
            return [*lines, "samples are fresh for every seed: nothing wears out"]
        parts = ", ".join(f"{len(part)} to {split}" for split, part in self.task.parts.items())
        if self.task.whole:
            return [*lines, f"all {len(self.task.parts['confirm'])} samples count as all there is: compared exactly"]
        return [*lines, f"your samples are split: {parts}; the hold-out serves {self.task.lifetime} confirmations"]


def make(project: Path, folder: Path, options: Options, say: runs.Say = runs.silent) -> Made:
    """Copy solver and task, ask for some answers twice, write the living program.

    Raises:
        UsageError: solver or task is not there, or the answers could be read by the program.
        SelfproofError: the solver gives no valid answer in the jail.
    """
    writing.check_free(folder)
    plan = planned(project, folder, options)
    draft = drafted(project, plan)
    with tempfile.TemporaryDirectory(prefix="selfproof-init-") as scratch:
        asked = ask(Path(scratch, "first"), draft, say)
        plan = sized(plan, asked, options)
        draft = drafted(project, plan)
        if options.tests:
            suite.along(draft, project, folder)
            told = suite.guard(Path(scratch, "second"), draft, options.tests, say=say)
    program_id = writing.write(folder, draft, options.seed)
    return Made(program_id, folder, [plan.told[0], *asked.told(), *(told if options.tests else []), *plan.told[1:]])


def planned(project: Path, folder: Path, options: Options) -> Plan:
    """What to write, before anything was run.

    Raises:
        UsageError: solver or task is not there, or the answers could be read by the program.
    """
    if not options.task:
        raise UsageError("--solver needs a task that scores its answers", advice="--task FILE.py:CLASS")
    source, name = trusted.placed(project, options.solver, "function")
    check_function(source, name)
    found = texts.of(project, folder)
    task = trusted.of(project, options.task, found, "task")
    own = {one.inside: one for one in closure.needed(project, source)}
    data = data_files(project, own.values(), found, options)
    check_apart(project, own.values(), data, task)
    program: dict[str, str] = {}
    originals: dict[str, Original] = {}
    for inside, one in own.items():
        program[inside], digest = origin.taken(one.path)
        originals[inside] = Original(origin.relative(one.path, project), digest)
    for inside, path in data.items():
        program[inside], originals[inside] = found.files[path], found.originals[path]
    editable = choices.editable(options.edit, program, tuple(program))
    charter = {
        "editable": list(editable), "max_file_kb": choices.kilobytes(program, editable), "task": f"tasks/{task.place}",
        "entry": f"{source.inside}:{name}", "files": ["*"],
        "focus": [f"{source.inside}:{name}", *(f"{path}:" for path in editable if path.endswith(".py"))],
        "allow": choices.granted(options.allow, [SCRATCH] if data else []),
        "memory_mb": options.memory_mb or MEMORY_MB, "wall_s": 60 * options.minutes_each or FIRST_S,
    }  # fmt: skip
    told = [f"copied, yours stay as they are: {choices.some_of(program)}; may change: {', '.join(editable)}"]
    told.append(f"outside the jail: {choices.some_of(task.files)}")
    return Plan(program, originals, task, charter, tuple(told))


def check_function(source: Source, name: str) -> None:
    """See that the solver is a plain function of a module whose name is free in the jail.

    Raises:
        UsageError: it is not.
    """
    if closure.is_taken(source.module.split(".")[0]):
        raise UsageError(f"{source.path.name} has the name of a library module", advice="Rename it.")
    for node in closure.parsed(source.path).body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name == name:
            raise UsageError(f"{name} is async", advice="Give a plain function that runs it: asyncio.run(...).")


def data_files(project: Path, own: Sequence[Source] | Any, found: Texts, options: Options) -> dict[str, str]:
    """Text that the solver's code names, or that ``--files`` does: its path in the program and in the project."""
    sources = list(own)
    named = trusted.named_in((closure.parsed(one.path) for one in sources), found.files)
    named = [path for path in named if not matches(path, SKIPPED)]
    named += [path for path in found.files if options.files and matches(path, options.files)]
    roots = list(dict.fromkeys(one.root for one in sources))
    inside = {}
    for path in dict.fromkeys(named):
        root = next((root for root in roots if root in (project / path).parents), project)
        inside[(project / path).relative_to(root).as_posix()] = path
    return {place: path for place, path in inside.items() if place not in {one.inside for one in sources}}


def check_apart(project: Path, own: Any, data: Mapping[str, str], task: Trusted) -> None:
    """See that nothing with answers goes into the program.

    Raises:
        UsageError: the solver needs the task's own file, or a data file is named by both.
    """
    home = task.place.partition(":")[0]
    if any(one.inside == home for one in own):
        raise UsageError(
            f"the solver imports {home}, which holds the answers",
            advice="Move what both need into a file of its own.",
        )
    if both := sorted(set(data.values()) & task.names):
        raise UsageError(
            f"{both[0]} is named by the solver and by the task: a candidate could read the answers in it",
            advice="Give the solver a file of its own, or let the task put into a sample what the solver may know.",
        )


def drafted(project: Path, plan: Plan) -> Draft:
    """All texts of the folder."""
    parts = writing.template(FORM)
    shared = writing.template("command")
    parts["program/selfproof_improver.py"] = shared["program/selfproof_improver.py"]
    parts["tasks/__init__.py"] = shared["tasks/__init__.py"]
    parts |= {f"program/{name}": text for name, text in plan.program.items()}
    for stand_in in ("tasks/yours.py", "tasks/sized.py"):
        del parts[stand_in]
    parts |= {f"tasks/{name}": text for name, text in plan.task.files.items()}
    parts["charter.toml"] = writing.filled(parts["charter.toml"], plan.charter)
    return Draft(parts, Origin(FORM, project, plan.originals))


def ask(folder: Path, draft: Draft, say: runs.Say) -> Asked:
    """Ask for the answers to a few explore samples, each twice.

    Raises:
        UsageError: the task cannot be used.
        SelfproofError: an answer is not valid, or there is none.
    """
    charter, task = runs.drafted(folder, draft)
    objective = charter.objectives[0]
    limits = runs.limits_of(charter, objective.allow)
    files = runs.program_of(draft)
    block = trials.prepare(task.samples("explore", 1, SHOWN)[:SHOWN])
    found: list[tuple[float, ...]] = []
    seconds: list[float] = []
    with Pool(1, require=charter.sandbox.require, grants=limits.grants) as pool:
        for number in (1, 2):
            say(f"baseline: round {number} of 2")
            outcomes = pool.map([trials.job(files, objective.entry, [one], limits) for one in block])
            scored = [trials.score(task, [one], outcome)[0] for one, outcome in zip(block, outcomes, strict=True)]
            if bad := next((trial for trial in scored if trial.score is None), None):
                said = bad.message or bad.status
                raise SelfproofError(f"the solver gives no valid answer in the jail: {said}", advice=_advice(said))
            found.append(tuple(trial.score for trial in scored if trial.score is not None))
            seconds += [outcome.seconds[0] + outcome.load_seconds for outcome in outcomes]
    return Asked((found[0], found[1]), max(seconds), task)


def _advice(said: str) -> str:
    if "No module named" in said:
        return "Install selfproof into the environment that your solver runs in: its packages are seen in the jail."
    if "No such file" in said:
        return "Only files that the solver's code names go along: add others with --files GLOB."
    if "getaddrinfo" in said or "Network is unreachable" in said or "resolve" in said:
        return "A trial has no network: --allow network:HOST:PORT grants one."
    return "A solver gets one sample's value and returns an answer of plain data; the task's `draws` scores it."


def sized(plan: Plan, asked: Asked, options: Options) -> Plan:
    """The plan with what the first answers told: direction, margins, deadlines, and whether answers are slow."""
    task, slow = asked.task, asked.seconds > SLOW_S
    together = 1 if slow else (SINGLE if isinstance(task, FiniteTask) else USUAL).panel  # of one process in a race
    seconds = 60 * options.minutes_each or max(LEAST_S, PATIENCE * asked.seconds * together)
    margin = 0.05 * task.span if task.span else 0.02
    more = {"metric": task.metric, "better": task.better, "margin": margin, "wall_s": round(seconds + MARGIN_S, 1)}
    charter = {**plan.charter, **more}
    if not slow or task.seconds:
        return replace(plan, charter=charter)
    path, _, name = plan.task.place.partition(":")
    module = path.removesuffix(".py").replace("/", ".")
    text = assigned(writing.template(FORM)["tasks/sized.py"], {"USUAL": round(asked.seconds, 2)})
    text = text.replace("from .yours import Yours", f"from .{module} import {name} as Yours")
    files = {**plan.task.files, "sized.py": text}
    return replace(
        plan, task=replace(plan.task, files=files, place="sized.py:Sized"),
        charter={**charter, "task": "tasks/sized.py:Sized"},
    )  # fmt: skip
