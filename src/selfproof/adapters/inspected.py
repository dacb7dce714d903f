"""Inspect tasks as objectives: their samples and scorer stay on the trusted side, a function of the user's answers.

The task's own solver is not run. Scorers that ask a model are refused: their judgement differs from run to run, costs
money, and can be talked into things by the answer that they judge.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat
from typing import Any

from selfproof.adapters import folders, needs
from selfproof.adapters.base import NotUnderstood, Told, objective_name
from selfproof.adapters.probing import advice_for
from selfproof.jail import Pool
from selfproof.nouns import UsageError
from selfproof.projects import closure, origin, runs, writing
from selfproof.projects.origin import Origin, Original
from selfproof.projects.writing import Draft, Made
from selfproof.trial import blocks as trials

ENTRY = "selfproof_solve.py:solve"
OWN = frozenset({"answer", "choice", "exact", "f1", "includes", "match", "pattern"})
BETWEEN = OWN
"""Inspect's scorers that need no model; all of them score between 0 and 1."""
LEAST = 40  # samples: with fewer a hold-out's parts are too small to show anything
TEXTS = (".txt", ".md", ".yaml", ".yml", ".json", ".toml", ".jinja", ".j2")
TRIED = 8


@dataclass(frozen=True)
class Read:
    """An Inspect task as it was understood: rows of samples, the scorer's name, arguments and file ("": Inspect's)."""

    name: str
    rows: tuple[Mapping[str, Any], ...]
    scorer: str
    arguments: Mapping[str, Any]
    module: str
    original: Mapping[str, str]
    told: tuple[str, ...]


def looks_like(path: Path) -> bool:
    """Whether a file defines an Inspect task."""
    if path.suffix != ".py" or not path.is_file():
        return False
    text = folders.text_of(path)
    return "inspect_ai" in text and "Task(" in text


def read(path: Path, name: str = "") -> Read:
    """Make the task that a file defines; its code is the user's, and runs here with the user's rights.

    Raises:
        NotUnderstood: Inspect is not installed, there is no such task, or its scorer asks a model.
    """
    task, chosen = _task(path, name)
    scorers = task.scorer if isinstance(task.scorer, list) else [task.scorer] if task.scorer else []
    if not scorers:
        raise NotUnderstood(f"the task {chosen} has no scorer")
    scorer, arguments, module = _scorer(scorers[0], path)
    rows = tuple(_row(sample) for sample in task.dataset)
    if len(rows) < 2:
        raise NotUnderstood(f"the task {chosen} has {len(rows)} samples")
    told = [
        f"task {chosen}: {len(rows)} samples, scored by {scorer} outside the jail; targets are never shown",
        f"{path.name} was run here with your rights, as Inspect does; its solver is not: your function answers",
    ]
    if len(scorers) > 1:
        told.append(f"the first of its {len(scorers)} scorers counts")
    original: dict[str, str] = {}
    if module:
        original = {n: text for n, text in folders.read(path.parent, []).files.items() if isinstance(text, str)}
    return Read(objective_name(chosen), rows, scorer, arguments, module, original, tuple(told))


def _task(path: Path, name: str) -> tuple[Any, str]:
    try:
        registry = importlib.import_module("inspect_ai._util.registry")
        kind = importlib.import_module("inspect_ai").Task
    except ImportError:
        raise NotUnderstood("Inspect is not installed", advice="pip install 'selfproof[inspect]'") from None
    module = _module(path)
    found = {key: value for key, value in vars(module).items()
             if isinstance(value, kind) or (callable(value) and _is_task(registry, value))}  # fmt: skip
    if (name and name not in found) or not found:
        raise NotUnderstood(f"{path} has no Inspect task{f' {name}' if name else ''}",
                            advice=f"It has: {', '.join(found) or 'none'}.")  # fmt: skip
    if not name and len(found) > 1:
        raise NotUnderstood(f"{path} has {len(found)} tasks: {', '.join(found)}", advice=f"Name one: {path}:NAME")
    chosen = name or next(iter(found))
    value = found[chosen]
    before = Path.cwd()
    os.chdir(path.resolve().parent)  # where Inspect runs it: data files are named as seen from there
    try:
        return (value if isinstance(value, kind) else value()), chosen
    except Exception as error:
        raise NotUnderstood(f"the task {chosen} cannot be made: {type(error).__name__}: {error}") from error
    finally:
        os.chdir(before)


def _is_task(registry: Any, value: Any) -> bool:
    return bool(registry.is_registry_object(value, "task"))


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"selfproof_imported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise NotUnderstood(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _scorer(scorer: Any, path: Path) -> tuple[str, dict[str, Any], str]:
    """The function that makes a scorer, its arguments, and the file that it is in.

    Raises:
        NotUnderstood: it asks a model, or cannot be made again.
    """
    registry = importlib.import_module("inspect_ai._util.registry")
    try:
        whole, arguments = registry.registry_info(scorer).name, dict(registry.registry_params(scorer))
        json.dumps(arguments)
    except (ValueError, TypeError, LookupError) as error:
        raise NotUnderstood(f"its scorer cannot be made again: {error}", advice="Give it with @scorer.") from None
    home, _, name = whole.rpartition("/")
    if home == "inspect_ai" and name in OWN:
        return name, arguments, ""
    try:
        code = inspect.getsource(inspect.getmodule(scorer) or scorer) if home != "inspect_ai" else ""
    except (OSError, TypeError):
        code = ""
    if home == "inspect_ai" or name.startswith("model_") or "get_model(" in code or "model_graded" in code:
        raise NotUnderstood(
            f"its scorer {name} asks a model for its judgement, which no certificate can rest on",
            advice=f"Use one of {', '.join(sorted(OWN))}, or a scorer of your own that computes.",
        )
    return name, arguments, path.name


def _row(sample: Any) -> dict[str, Any]:
    """A sample as plain data: what the program sees, and what it does not.

    Raises:
        NotUnderstood: it needs a sandbox or files of its own.
    """
    if sample.files or sample.sandbox:
        raise NotUnderstood("its samples need a sandbox of Inspect's, with files", advice="Only questions and answers.")
    value: dict[str, Any] = {"input": sample.input}
    if not isinstance(sample.input, str):
        value["input"] = [{"role": message.role, "content": message.text} for message in sample.input]
    if sample.choices:
        value["choices"] = list(sample.choices)
    metadata = json.loads(json.dumps(sample.metadata or {}, default=str))
    return {"value": value, "hidden": {"target": sample.target, "metadata": metadata}}


def write(found: Read, solver: str, folder: Path, seed: int | None, tell: Told) -> Made:
    """Write the living program whose ``solver`` (FILE.py:function) answers; its baseline is run twice.

    Raises:
        UsageError: there is no such function, or the folder is taken.
        SelfproofError: it gives no valid answer in the jail.
    """
    writing.check_free(folder)
    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        tell(line)

    for line in found.told:
        say(line)
    draft, more = drafted(found, solver, seconds=0.0)
    for line in more:
        say(line)
    measured = measure(draft)
    if measured.seconds >= 1.0 or not measured.repeats:
        draft, _ = drafted(found, solver, seconds=round(max(measured.seconds, 0.001), 3))
    say(f"baseline: {measured.first:.4g}, again {measured.again:.4g}, on {measured.samples} samples "
        f"({runs.time_told(measured.seconds)} an answer)")  # fmt: skip
    return Made(writing.write(folder, draft, seed), folder, told)


def drafted(found: Read, solver: str, seconds: float) -> tuple[Draft, list[str]]:
    """All texts of the folder, and what there is to tell of them."""
    texts = writing.template("inspect")
    path, function = _solver(solver)
    project = closure.project_of(path.parent)
    source = closure.Source(path.stem, path, path.parent, True)
    files: dict[str, str] = {}
    originals: dict[str, Original] = {}
    for one in closure.needed(project, source):
        files[one.inside], digest = origin.taken(one.path)
        originals[one.inside] = Original(origin.relative(one.path, project), digest)
    for prompt in _named_texts(path, files[path.name]):
        files[prompt.name], digest = origin.taken(prompt)
        originals[prompt.name] = Original(origin.relative(prompt, project), digest)
    runner = texts["program/selfproof_solve.py"]
    texts["program/selfproof_solve.py"] = runner.replace("solver_module", path.stem).replace(
        "solver_function", function
    )
    texts["program/selfproof_improver.py"] = writing.template("command")["program/selfproof_improver.py"]
    texts |= {f"program/{name}": text for name, text in files.items()}
    texts |= {f"tasks/original/{name}": text for name, text in found.original.items()}
    texts["tasks/samples.json"] = json.dumps(found.rows, indent=1, ensure_ascii=False) + "\n"
    span = 1.0 if not found.module and found.scorer in BETWEEN else None
    texts["tasks/settings.py"] = _settings(texts["tasks/settings.py"], SCORER=found.scorer, MODULE=found.module,
                                           ARGUMENTS=dict(found.arguments), SPAN=span, SECONDS=seconds)  # fmt: skip
    few = len(found.rows) < LEAST
    need = needs.needed([text for name, text in files.items() if name.endswith(".py")])
    largest = max(len(text.encode()) for text in files.values())
    texts["charter.toml"] = writing.filled(
        texts["charter.toml"],
        {"name": found.name, "task": f"tasks/inspected.py:{'Whole' if few else 'HeldOut'}", "editable": list(files),
         "focus": [f"{path.name}:"], "allow": list(need.allow), "memory_mb": need.memory_mb,
         "max_file_kb": min(4096, max(64, 2 * largest // 1024))},
    )  # fmt: skip
    told = [f"may change: {', '.join(files)}", *need.told]
    if few:
        told.append(f"{len(found.rows)} samples are too few to stand for others: the claim is about exactly these")
    return Draft(texts, Origin("inspect", project, originals)), told


def _settings(text: str, **values: Any) -> str:
    for name, value in values.items():
        (line,) = (line for line in text.splitlines() if line.startswith(f"{name}: "))
        text = text.replace(line, f"{line.partition(' = ')[0]} = {pformat(value, width=100)}", 1)
    return text


def _solver(place: str) -> tuple[Path, str]:
    file, _, function = place.rpartition(":")
    path = Path(file)
    if not path.is_file() or not function.isidentifier():
        raise UsageError(f"--solver {place!r} names no function", advice="Write it as FILE.py:function.")
    names = [getattr(node, "name", "") for node in closure.parsed(path).body]
    if function not in names:
        raise UsageError(f"{path} defines no {function}", advice=f"It defines: {', '.join(filter(None, names))}.")
    return path.resolve(), function


def _named_texts(path: Path, text: str) -> list[Path]:
    """Prompts and settings beside the solver that it names."""
    beside = sorted(p for p in path.parent.iterdir() if p.suffix in TEXTS and p.is_file())
    return [p for p in beside if f'"{p.name}"' in text or f"'{p.name}'" in text]


@dataclass(frozen=True)
class Measured:
    """The first program's mean score on some samples, twice, and seconds of an answer."""

    first: float
    again: float
    repeats: bool
    samples: int
    seconds: float


def measure(draft: Draft) -> Measured:
    """Ask the first program some explore samples, twice.

    Raises:
        NotUnderstood: it gives no valid answer.
        JailUnavailable: this machine cannot isolate as strongly as it needs.
    """
    with tempfile.TemporaryDirectory(prefix="selfproof-import-") as scratch:
        charter, task = runs.drafted(Path(scratch), draft)
        blocks = trials.prepare(task.samples("explore", 0, TRIED))
        limits = runs.limits_of(charter, charter.objectives[0].allow)
        files = {n.removeprefix("program/"): text for n, text in draft.files.items() if n.startswith("program/")}
        with Pool(1, grants=limits.grants) as pool:
            outcomes = pool.map([trials.job(files, ENTRY, blocks, limits)] * 2)
        scored = [trials.score(task, blocks, outcome) for outcome in outcomes]
    for trial in (trial for part in scored for trial in part if trial.score is None):
        said = f"{trial.status}: {trial.message}"
        raise NotUnderstood(f"your function gives no valid answer in the jail: {said}", advice=advice_for(said))
    first, again = ([trial.score or 0.0 for trial in part] for part in scored)
    slowest = max(second for outcome in outcomes for second in outcome.seconds)
    return Measured(statistics.fmean(first), statistics.fmean(again), first == again, len(blocks), slowest)
