"""``selfproof init --benchmark``: a pytest-benchmark suite as a living program; what it times should get faster."""

from __future__ import annotations

import importlib.util
import json
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from selfproof.archive.tree import matches
from selfproof.nouns import UsageError
from selfproof.projects import command, runs, texts, trusted, writing
from selfproof.projects.command import Plan
from selfproof.projects.settings import assigned
from selfproof.projects.texts import Texts
from selfproof.projects.writing import Made

FORM = "benchmark"
REPORT = "selfproof-benchmark.json"
LIKELY = ("bench_*.py", "*/bench_*.py", "test_bench*.py", "*/test_bench*.py", "*benchmark*.py", "*/*benchmark*.py")
TESTS = ("test_*.py", "*/test_*.py", "*_test.py", "conftest.py", "*/conftest.py", *LIKELY)
WORTH = 0.02  # share of the time below which a gain is not worth a change


@dataclass(frozen=True)
class Options:
    """What a person may say: the suite's file, with more words for pytest behind it if they like; the rest as for a
    command. "" is the one file that looks like a suite of benchmarks."""

    benchmark: str = ""
    files: tuple[str, ...] = ()
    edit: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    minutes_each: float = 0.0
    memory_mb: int = 0
    tests: str = ""
    seed: int | None = None


def make(project: Path, folder: Path, options: Options, say: runs.Say = runs.silent) -> Made:
    """Copy the project's text, run the suite twice, write the living program.

    Raises:
        UsageError: pytest-benchmark is missing, there is no suite, or nothing that it imports could change.
        SelfproofError: it does not run in the jail.
    """
    writing.check_free(folder)
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise UsageError("pytest-benchmark is not installed here", advice="Type: pip install pytest-benchmark")
    plan = planned(project, folder, options)
    return command.finished(project, folder, plan, options.tests, options.seed, say, size)


def size(plan: Plan, seen: runs.Seen) -> Plan:
    """The plan with how many benchmarks there are, and how much less time would be worth a change."""
    plan = command.sized(plan, seen)
    every = json.loads(seen.answers[0]["files"][REPORT])["benchmarks"]
    text = assigned(plan.tasks["benchmark.py"], {"BENCHMARKS": len(every)})
    worth = float(f"{WORTH * min(seen.values):.2g}")
    charter = {**plan.charter, "task": "tasks/benchmark.py:Fresh", "min_gain": worth}
    return replace(plan, tasks={"benchmark.py": text}, charter=charter)


def planned(project: Path, folder: Path, options: Options) -> Plan:
    """What to write, before anything was run.

    Raises:
        UsageError: there is no suite, or nothing that could change.
    """
    found = texts.of(project, folder, options.files)
    words = shlex.split(options.benchmark) or [one_of(found)]
    if words[0] not in found.files:
        raise UsageError(f"{words[0]} is no file of {project}", advice="Give the file of the benchmarks.")
    line = ["python", "-m", "pytest", *words, "--benchmark-only", f"--benchmark-json={REPORT}", "-q",
            "-p", "no:cacheprovider"]  # fmt: skip
    editable = options.edit or timed_files(project, words[0], found)
    asked = command.Options(
        shlex.join(line), "seconds", "lower", REPORT, options.files, editable, options.allow, options.minutes_each,
        options.memory_mb,
    )  # fmt: skip
    plan = command.planned(project, folder, asked)
    if any(matches(name, TESTS) for name in plan.charter["editable"]):
        raise UsageError("--edit lets a test or a benchmark change", advice="Name the files that are timed.")
    template = writing.template(command.FORM)
    tasks = {"benchmark.py": template["tasks/benchmark.py"]}
    told = [plan.told[0], "times are what your benchmarks measured in the candidate's own process (joint)"]
    if not options.tests:
        told.append("nothing checks that answers stay right: give your test suite too, --tests COMMAND")
    return replace(plan, form=FORM, module="benchmark", tasks=tasks, told=tuple(told), rewrites=True)


def one_of(found: Texts) -> str:
    """The one file that looks like a suite of benchmarks.

    Raises:
        UsageError: there is none, or more than one.
    """
    likely = [name for name in found.files if matches(name, LIKELY)]
    if len(likely) != 1:
        advice = f"One of: {', '.join(likely[:5])}." if likely else "Name it: --benchmark FILE"
        raise UsageError("which file has the benchmarks?", advice=advice)
    return likely[0]


def timed_files(project: Path, suite: str, found: Texts) -> tuple[str, ...]:
    """The project's files that a suite imports, no tests among them: those that may change."""
    needed = trusted.needed_by(project, suite)
    paths = [own.path.relative_to(project).as_posix() for own in needed if project in own.path.parents]
    names = tuple(name for name in paths if name in found.files and name != suite and not matches(name, TESTS))
    if not names:
        raise UsageError(f"{suite} imports no file of the project", advice='Say which files may change: --edit "FILE".')
    return tuple(name for name in names if not name.endswith("__init__.py")) or names
