"""Import the tasks that a charter names: trusted code of the person who owns the program."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfproof.charter import Charter
from selfproof.nouns import UsageError
from selfproof.trial.grouping import has_groups
from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Task, Workload

TASKS = "tasks"
PREFIX = "selfproof_tasks_"
_HOMES: list[str] = []  # of the program whose tasks were loaded last


def load(folder: Path, charter: Charter) -> tuple[dict[str, Task | Workload], dict[str, Task]]:
    """Import the task classes that the charter names; they are trusted code of the person who owns the charter.

    Raises:
        UsageError: a file or class is missing, or the module fails to import.
    """
    package = f"{PREFIX}{abs(hash(str(folder.resolve()))):x}"
    root = types.ModuleType(package)
    root.__path__ = [str(folder)]
    sys.modules[package] = root
    _beside(folder / TASKS)
    tasks = {o.name: _task(folder, package, o.task) for o in charter.objectives}
    guards = {}
    for guard in charter.guards:
        found = _task(folder, package, guard.task)
        if not isinstance(found, Task):
            raise UsageError(f"guard {guard.name}: {guard.task} is not a Task")
        guards[guard.name] = found
    for objective in charter.objectives:
        wanted = Workload if objective.kind == "speed" else Task
        if not isinstance(tasks[objective.name], wanted):
            raise UsageError(f"objective {objective.name}: {objective.task} is not a {wanted.__name__}")
    _check_margins(charter, tasks, guards)
    return tasks, guards


def quality_task(folder: Path, place: str, who: str) -> Task:
    """A task that is neither an objective's nor a guard's, of a program whose tasks were loaded.

    Raises:
        UsageError: it is not there, or is no quality task.
    """
    found = _task(folder, f"{PREFIX}{abs(hash(str(folder.resolve()))):x}", place)
    if not isinstance(found, Task):
        raise UsageError(f"{who}: {place} is not a Task")
    return found


def _beside(tasks: Path) -> None:
    """Let task files import each other by plain names, as they do in the project that they come from.

    Last on the path: no name of theirs hides one of Python's or of a package. What an earlier program's tasks imported
    so is forgotten.
    """
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if not name.startswith(PREFIX) and any(file.startswith(f"{home}/") for home in _HOMES):
            del sys.modules[name]
    sys.path[:] = [*(home for home in sys.path if home not in _HOMES), str(tasks.resolve())]
    _HOMES[:] = [str(tasks.resolve())]


def _check_margins(charter: Charter, tasks: Mapping[str, Task | Workload], guards: Mapping[str, Task]) -> None:
    for objective in charter.objectives:
        task = tasks[objective.name]
        if isinstance(task, Task) and task.span is not None and not objective.margin < task.span:
            raise UsageError(f"objective {objective.name}: its margin must be below its task's span, {task.span}")
    for guard in charter.guards:
        if guard.slices and not has_groups(guards[guard.name]):
            raise UsageError(
                f"guard {guard.name}: slices = true, but its task says of no sample which group it belongs to",
                advice="Give the task `group(sample)`, or `slices` and `slice_of`.",
            )
        span = guards[guard.name].span
        if not guards[guard.name].whole and (span is None or not guard.margin < span):
            raise UsageError(
                f"guard {guard.name}: its task must declare a span above the margin, it says {span}",
                advice="Only metrics that are means of bounded draws can be guarded.",
            )
        if charter.objective(guard.objective).kind != "quality" and not guards[guard.name].whole:
            raise UsageError(
                f"guard {guard.name}: a speed objective can be guarded by a whole population only, a test suite say"
            )


def _task(folder: Path, package: str, place: str) -> Task | Workload:
    path, _, name = place.partition(":")
    file = folder / path
    if not file.is_file():
        raise UsageError(f"task file {file} is missing", advice="Restore it, or correct the charter's `task`.")
    writes = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        module = importlib.import_module(f"{package}.{path.removesuffix('.py').replace('/', '.')}")
    except Exception as error:
        raise UsageError(f"task {place} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = writes
    kind = getattr(module, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Task | Workload):
        raise UsageError(f"task {place}: there is no such Task class")
    found = kind()
    assert isinstance(found, Task | Workload)
    if isinstance(found, Task) and found.whole and not isinstance(found, FiniteTask):
        raise UsageError(f"task {place}: only a FiniteTask can be whole, since all its samples must be known")
    return found


def task_files(folder: Path) -> dict[str, str]:
    """The text of every task file, by its path below ``folder``."""
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in sorted((folder / TASKS).rglob("*.py"))}


def spans(tasks: Mapping[str, Task | Workload], guards: Mapping[str, Task]) -> dict[str, float | None]:
    """The span that each objective's and guard's task declares; the gate's second bet rests on it."""
    found = {**tasks, **guards}
    return {name: task.span if isinstance(task, Task) else None for name, task in found.items()}


def pools(tasks: Mapping[str, Task | Workload], guards: Mapping[str, Task]) -> dict[str, dict[str, Any] | None]:
    """What each objective's and guard's confirm samples are drawn from, None where they are fresh without end.

    Raises:
        UsageError: a finite task's items cannot be had, or are too few.
    """
    found: dict[str, dict[str, Any] | None] = {}
    for name, task in {**tasks, **guards}.items():
        try:
            found[name] = task.population if isinstance(task, FiniteTask) else None
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"the items of {name} cannot be had: {type(error).__name__}: {error}") from error
    return found
