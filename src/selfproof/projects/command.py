"""``selfproof init --command``: a command that tells a metric, such as a training script, as a living program.

The command runs in the jail with the project's text files as its folder. Its metric is read outside, but it is the
command's own claim, so the objective is joint; with ``rescore`` a trusted function scores the files that it leaves.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from selfproof.nouns import UsageError
from selfproof.projects import choices, runs, suite, texts, trusted, writing
from selfproof.projects.origin import Origin
from selfproof.projects.settings import assigned
from selfproof.projects.texts import Texts
from selfproof.projects.trusted import Trusted
from selfproof.projects.writing import Draft, Made

FORM = "command"
ALWAYS = ("subprocesses", "scratch:256")
MEMORY_MB = 4096
PATIENCE = 3.0  # times the baseline: the deadline of a run, where a person names none
LEAST_S, MARGIN_S = 10.0, 15.0
FIRST_S = 3600.0  # deadline of the baseline's own runs, where a person names none


@dataclass(frozen=True)
class Options:
    """What a person may say.

    ``better`` "" goes by the metric's name. ``read`` is where the metric is: "stdout", "FILE.json:KEY.KEY" or "FILE".
    ``files`` and ``edit`` are globs of what goes along and of what may change ("" for all text, for the script that the
    command names). ``minutes_each`` and ``memory_mb`` bound a run, 0: three times the baseline, 4 GB. ``rescore`` is
    FILE.py:function, which gets the ``artefacts`` that a run leaves. ``tests`` is a command that must not fail more.
    """

    command: str
    metric: str
    better: str = ""
    read: str = "stdout"
    files: tuple[str, ...] = ()
    edit: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    minutes_each: float = 0.0
    memory_mb: int = 0
    rescore: str = ""
    artefacts: tuple[str, ...] = ()
    tests: str = ""
    seed: int | None = None


@dataclass(frozen=True)
class Plan:
    """What a form of this kind writes: the files that go along, the task's settings, the charter's values.

    ``form`` names it, ``module`` is the file in tasks/ whose classes ``Fresh`` and ``Exact`` are the task; ``tasks``
    are more files for tasks/. With ``rewrites`` the improver suggests faster functions too. ``told`` is for the person,
    the line on files first.
    """

    form: str
    module: str
    found: Texts
    settings: Mapping[str, Any]
    charter: Mapping[str, Any]
    tasks: Mapping[str, str]
    minutes_each: float
    told: tuple[str, ...]
    rewrites: bool = False


Size = Callable[[Plan, runs.Seen], Plan]


def make(project: Path, folder: Path, options: Options, say: runs.Say = runs.silent) -> Made:
    """Copy the project's text, run the command twice with different seeds, write the living program.

    Raises:
        UsageError: the options fit neither each other nor the project.
        SelfproofError: the command gives no metric in the jail; the message has its last words.
    """
    writing.check_free(folder)
    plan = planned(project, folder, options)
    return finished(project, folder, plan, options.tests, options.seed, say)


def finished(
    project: Path, folder: Path, plan: Plan, tests: str, seed: int | None, say: runs.Say, size: Size | None = None
) -> Made:
    """Measure what a plan describes, size it by that, and write it.

    Raises:
        SelfproofError: it gives no metric in the jail, or the tests do not repeat.
    """
    draft = drafted(project, plan)
    with tempfile.TemporaryDirectory(prefix="selfproof-init-") as scratch:
        seen = runs.baseline(Path(scratch, "first"), draft, say)
        plan = (size or sized)(plan, seen)
        draft = drafted(project, plan)
        guarded = suite.guard(Path(scratch, "second"), draft, tests, plan.charter["allow"], say) if tests else []
    program_id = writing.write(folder, draft, seed)
    return Made(program_id, folder, [plan.told[0], *seen.told(), *guarded, *plan.told[1:]])


def planned(project: Path, folder: Path, options: Options) -> Plan:
    """What to write, before anything was run.

    Raises:
        UsageError: the options fit neither each other nor the project.
    """
    found = texts.of(project, folder, options.files)
    choices.unclaimed(found)
    scorer = rescoring(project, options, found)
    script = choices.script_of(options.command, found.files)
    if scorer is not None:
        found = found.without(trusted.kept_apart(project, script, scorer, found))
    editable = choices.editable(options.edit, found.files, [script] if script else [])
    better = choices.better_of(options.metric, options.better)
    settings = {
        "COMMAND": options.command, "METRIC": options.metric, "BETTER": better, "READ": options.read,
        "SECONDS": 60 * options.minutes_each or FIRST_S, "USUAL": 0.0, "ENVIRONMENT": environment(found),
    }  # fmt: skip
    charter = {
        "editable": list(editable), "max_file_kb": choices.kilobytes(found.files, editable),
        "focus": focus_of(editable), "metric": options.metric, "better": better, "joint": scorer is None,
        "allow": choices.granted(options.allow, ALWAYS), "memory_mb": options.memory_mb or MEMORY_MB,
        "workers": 1 if "gpu" in options.allow else 2,
    }  # fmt: skip
    told = [f"{len(found.files)} of your files are copied, yours stay as they are; may change: {', '.join(editable)}"]
    told += [*choices.left_out(found.left_out), *words_on(options, scorer)]
    tasks = {} if scorer is None else scoring(scorer, options.artefacts)
    module = "rescored" if scorer else "command"
    return Plan(FORM, module, found, settings, charter, tasks, options.minutes_each, tuple(told))


def environment(found: Texts) -> dict[str, str]:
    """Variables that a run needs: a project whose packages are in src/ is not installed in the jail."""
    return {"PYTHONPATH": "src"} if any(name.startswith("src/") for name in found.files) else {}


def focus_of(editable: tuple[str, ...]) -> list[str]:
    """Where to look first: all of the first file that is Python; the runner, which nobody may change, without one."""
    return [f"{name}:" for name in editable if name.endswith(".py")][:1] or [f"{editable[0]}:"]


def rescoring(project: Path, options: Options, found: Texts) -> Trusted | None:
    """The scorer's files, if there is one.

    Raises:
        UsageError: there is a scorer but no artefact, or the other way round.
    """
    if bool(options.rescore) != bool(options.artefacts):
        raise UsageError(
            "--rescore needs to know which files a run leaves, and --artefact who scores them",
            advice="Give both: --rescore scorer.py:score --artefact predictions.csv",
        )
    return trusted.of(project, options.rescore, found, "scorer") if options.rescore else None


def scoring(scorer: Trusted, artefacts: tuple[str, ...]) -> dict[str, str]:
    """The files of tasks/ by which a scorer is called.

    Raises:
        UsageError: one of its own files would be in the way.
    """
    for taken in ("command.py", "rescored.py", "scoring.py", "__init__.py"):
        if taken in scorer.files:
            raise UsageError(f"the scorer's file {taken} has a name that tasks/ needs", advice="Rename it.")
    path, _, name = scorer.place.partition(":")
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    template = writing.template(FORM)["tasks/rescored.py"]
    told = f'"""Your scorer, by the name that it is called by here."""\n\nfrom {module} import {name} as score\n\n'
    return {
        **scorer.files, "scoring.py": f'{told}__all__ = ["score"]\n',
        "rescored.py": assigned(template, {"ARTEFACTS": artefacts}),
    }  # fmt: skip


def words_on(options: Options, scorer: Trusted | None) -> list[str]:
    """What nobody can say where the command tells its own metric, and what the scorer must not do."""
    if scorer is not None:
        return [f"{options.rescore} scores what a run leaves, outside the jail: it must not unpickle what it is given"]
    return [
        f"{options.metric} is what your command says: an edit of it could make it lie, and every certificate says so "
        "(joint). Keep data and evaluation in files that may not change, or score what a run leaves by code of yours: "
        "--rescore FILE.py:function --artefact FILE"
    ]


def sized(plan: Plan, seen: runs.Seen) -> Plan:
    """The plan with what the baseline told: which kind of task it is, how long a run may take."""
    seconds = 60 * plan.minutes_each or max(LEAST_S, PATIENCE * seen.seconds)
    settings = {**plan.settings, "SECONDS": round(seconds, 1), "USUAL": round(seen.seconds, 2)}
    return replace(plan, settings=settings, charter={**plan.charter, "task": task_of(plan, seen.exact)})


def task_of(plan: Plan, exact: bool) -> str:
    """The place of the task's class."""
    return f"tasks/{plan.module}.py:{'Exact' if exact else 'Fresh'}"


def drafted(project: Path, plan: Plan) -> Draft:
    """All texts of the folder."""
    parts = writing.template(FORM)
    for name in {"rescored", "scoring", "benchmark"} - {plan.module}:
        parts.pop(f"tasks/{name}.py", None)
    parts |= {f"program/{name}": text for name, text in plan.found.files.items()}
    parts |= {f"tasks/{name}": text for name, text in plan.tasks.items()}
    parts["tasks/command.py"] = assigned(parts["tasks/command.py"], plan.settings)
    improver = "program/selfproof_improver.py"
    parts[improver] = assigned(parts[improver], {"REWRITES": plan.rewrites})
    wall = min(86400.0, plan.settings["SECONDS"] + MARGIN_S)
    values = {"name": plan.form, "task": task_of(plan, False), "wall_s": round(wall, 1), **plan.charter}
    parts["charter.toml"] = writing.filled(parts["charter.toml"], values)
    return Draft(parts, Origin(plan.form, project, plan.found.originals))
