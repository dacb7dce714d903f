"""``--tests``: the project's own test suite as a guard. The tests are run before anything is written.

A guard's runs see the same files as the objective's, so the tests' files must be among those; they may not change.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from selfproof.archive.tree import matches
from selfproof.jail import Pool
from selfproof.nouns import SelfproofError, UsageError
from selfproof.projects import closure, runs, texts, writing
from selfproof.projects.settings import assigned
from selfproof.projects.writing import Draft
from selfproof.trial import blocks as trials
from selfproof.trial import loading
from selfproof.trial.holdout import FiniteTask

FORM = "suite"
RUNNER = "selfproof_runner.py"
ALWAYS = ("subprocesses", "scratch:256")
NAME = "tests"
FIRST_S = 1800.0
PATIENCE, LEAST_S = 5.0, 30.0
SECTION = """
[[guard]]                            # your tests: not one more may fail
name = "{name}"
objective = {objective}
task = "tasks/suite.py:Suite"
entry = "{runner}:run"
allow = {allow}
margin = 0.5                         # tests that a version may lose
"""


def along(draft: Draft, project: Path, folder: Path) -> None:
    """Add the rest of the project to a program that holds a part of it, so that its tests can be run there.

    Files go where their imports expect them: below the folder that they are imported from. What the program has stays.
    """
    roots = closure.import_roots(project)
    added = []
    for name, text in texts.of(project, folder).files.items():
        root = next((root for root in roots if root in (project / name).parents), project)
        inside = (project / name).relative_to(root).as_posix()
        if f"program/{inside}" not in draft.files:
            draft.files[f"program/{inside}"] = text
            added.append(inside)
    before = tomllib.loads(draft.files["charter.toml"])["objective"][0]["files"]
    files = before if "*" in before else [*before, *added, RUNNER]
    draft.files["charter.toml"] = writing.filled(draft.files["charter.toml"], {"files": files})


def guard(
    folder: Path, draft: Draft, command: str, allow: Sequence[str] = ALWAYS, say: runs.Say = runs.silent
) -> list[str]:
    """Add the guard to a draft, once the tests have given the same twice in the jail; says what was seen.

    The draft's program must hold the tests' files and all that they need. ``folder`` is scratch.

    Raises:
        UsageError: an edit could change the tests.
        SelfproofError: the tests cannot be run in the jail, or two runs of them differ.
    """
    parts = draft.files
    command = f"python -m {command}" if command.split()[:1] in (["pytest"], ["unittest"]) else command
    from_command = writing.template("command")
    parts.setdefault(f"program/{RUNNER}", from_command[f"program/{RUNNER}"])
    parts.setdefault("tasks/__init__.py", from_command["tasks/__init__.py"])
    charter = tomllib.loads(parts["charter.toml"])
    _check_protected(charter, parts)
    section = SECTION.format(
        name=NAME, objective=writing.toml(charter["objective"][0]["name"]), runner=RUNNER,
        allow=writing.toml(list(allow)),
    )  # fmt: skip
    first, _, rest = parts["charter.toml"].partition("\n[certify]")
    parts["charter.toml"] = f"{first.rstrip()}\n{section}\n[certify]{rest}"
    template = writing.template(FORM)["tasks/suite.py"]
    home = "src:." if any(name.startswith("program/src/") for name in parts) else "."
    settings = {"COMMAND": command, "PASSING": 0, "ENVIRONMENT": {"PYTHONPATH": home}}
    parts["tasks/suite.py"] = assigned(template, {**settings, "SECONDS": FIRST_S})
    passing, seconds = _measured(folder, draft, say)
    limit = round(max(LEAST_S, PATIENCE * seconds), 1)
    parts["tasks/suite.py"] = assigned(template, {**settings, "PASSING": passing, "SECONDS": limit})
    if limit + 15.0 > charter["sandbox"]["wall_s"]:
        parts["charter.toml"] = writing.filled(parts["charter.toml"], {"wall_s": limit + 15.0})
    return [f"guard: `{command}` passes {passing} tests, twice ({runs.time_told(seconds)}); no version may lose one"]


def _check_protected(charter: dict[str, object], parts: dict[str, str]) -> None:
    program = charter["program"]
    assert isinstance(program, dict)
    for path in parts:
        name = path.removeprefix("program/")
        is_test = matches(name, ("test_*.py", "*/test_*.py", "*_test.py", "conftest.py", "*/conftest.py"))
        open_to_edits = matches(name, program["editable"]) and not matches(name, program.get("protected", ()))
        if path.startswith("program/") and is_test and open_to_edits:
            raise UsageError(f"--edit lets {name} change, which is a test", advice="Name the files that may: --edit.")


def _measured(folder: Path, draft: Draft, say: runs.Say) -> tuple[int, float]:
    """How many tests pass, and the seconds that all take.

    Raises:
        SelfproofError: they cannot be run in the jail, or two runs of them differ.
    """
    charter = runs.laid_out(folder, draft)
    task = loading.load(folder, charter)[1][NAME]
    assert isinstance(task, FiniteTask)
    # the charter's deadline follows from what is measured here
    limits = replace(runs.limits_of(charter, charter.guards[-1].allow), wall_s=FIRST_S, cpu_s=int(FIRST_S))
    files = runs.program_of(draft)
    found: list[float] = []
    seconds = 0.0
    with Pool(1, require=charter.sandbox.require, grants=limits.grants) as pool:
        for number in (1, 2):
            say(f"tests: run {number} of 2")
            block = trials.prepare(task.samples("explore", 0, 1))
            outcome = pool.submit(trials.job(files, charter.guards[-1].entry, block, limits)).result()
            (trial,) = trials.score(task, block, outcome)
            if trial.score is None:
                said = trial.message or trial.status
                advice = runs.advice_on(trial.status, said)
                raise SelfproofError(f"the tests do not run in the jail: {said}", advice=advice)
            found.append(-trial.score)
            seconds = max(seconds, trial.seconds)
    if found[0] != found[1]:
        raise SelfproofError(
            f"of the tests {found[0]:g} passed, and then {found[1]:g}: a guard must repeat itself",
            advice="Leave out those that do not: --tests with -k or --deselect.",
        )
    if found[0] < 1:
        raise SelfproofError("no test passes in the jail", advice="Try the command in a copy of the project.")
    return int(found[0]), seconds
