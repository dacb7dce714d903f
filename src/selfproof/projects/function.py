"""``selfproof init --function pkg.mod:func``: the same answers in less time, on calls that were recorded."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.nouns import UsageError
from selfproof.projects import baseline, closure, literals, recording, writing
from selfproof.projects.writing import Draft, Made

RUNNER = "selfproof_runner.py"
GROWTH_ROOM = 20_000  # characters that a small program may grow by


@dataclass(frozen=True)
class Options:
    """What a person may say: the function, what to run while its calls are recorded, a seed."""

    function: str
    record: str = ""
    seed: int | None = None


@dataclass(frozen=True)
class Target:
    """The function that should get faster."""

    source: closure.Source
    function: str
    node: ast.FunctionDef


def make(project: Path, folder: Path, options: Options) -> Made:
    """Record calls, write the living program, measure its baseline.

    Raises:
        UsageError: there is no such function, it is of a kind that cannot be timed, or no call of it is known.
    """
    writing.check_free(folder)
    target = find(project, options.function)
    files = closure.needed(project, target.source)
    told = [f"{target.source.path.name} and {len(files) - 1} more of your files are copied; yours stay as they are"]
    calls, origin, more = _calls(project, target, options)
    program_id = writing.write(folder, draft(project, folder, target, files, calls, origin), options.seed)
    try:
        measured = baseline.measure(folder)
    except BaseException:
        writing.remove(folder)
        raise
    return Made(program_id, folder, [*told, *more, *measured])


def find(project: Path, place: str) -> Target:
    """The function that ``pkg.mod:func`` (or ``path/mod.py:func``) names.

    Raises:
        UsageError: there is none.
    """
    module, _, name = place.rpartition(":")
    if module.endswith(".py"):
        module = _module_of(project, module)
    if not module or not name.isidentifier():
        raise UsageError(f"{place!r} names no function", advice="Write it as package.module:function.")
    source = closure.locate(project, module)
    if source is None:
        raise UsageError(
            f"no module {module!r} in {project}", advice="Type this in your project's folder, or use --project."
        )
    tree = closure.parsed(source.path)
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == name]
    if not found:
        names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
        raise UsageError(
            f"{source.path} defines no function {name!r}", advice=f"It defines: {', '.join(names) or 'none'}."
        )
    node = found[-1]
    if not isinstance(node, ast.FunctionDef):
        raise UsageError(f"{name} is async, which cannot be timed yet", advice="Name a plain function that it calls.")
    return Target(source, name, node)


def _module_of(project: Path, path: str) -> str:
    whole = (project / path).resolve()
    for root in closure.import_roots(project):
        if root in whole.parents:
            return ".".join(whole.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    raise UsageError(f"{path} is not below {project}", advice="Name a file of the project.")


def _calls(project: Path, target: Target, options: Options) -> tuple[list[list[Any]], str, list[str]]:
    command = options.record or recording.default_command(project)
    if command is None:
        raise UsageError(
            "this project has no tests to record calls from", advice='Say what to run: --record "script.py".'
        )
    found = recording.record(project, target.source.module, target.function, command)
    if not found.calls:
        why = "; ".join(found.refused) or found.failed or "it was not called"
        raise UsageError(f"no call of {target.function} could be recorded from `{command}`: {why}",
                         advice='Run something that calls it: --record "script.py".')  # fmt: skip
    told = [f"{found.met} calls met while `{command}` ran, {len(found.calls)} different ones kept"]
    return found.calls, f"Recorded while `{command}` ran.", told


def draft(
    project: Path, folder: Path, target: Target, files: list[closure.Source], calls: list[list[Any]], origin: str
) -> Draft:
    """All texts of the folder."""
    texts = writing.template("function")
    runner = texts[f"program/{RUNNER}"]
    runner = runner.replace("target_module", target.source.module).replace("target_function", target.function)
    texts[f"program/{RUNNER}"] = runner
    texts["tasks/calls.py"] = literals.module(calls, origin)
    own = {source.inside: source.path.read_text("utf-8") for source in files}
    texts |= {f"program/{path}": text for path, text in own.items()}
    largest = max(len(text.encode()) for text in own.values())
    texts["charter.toml"] = writing.filled(
        texts["charter.toml"],
        {"editable": list(own), "files": list(own), "focus": [f"{target.source.inside}:{target.function}"],
         "max_file_kb": max(64, 2 * largest // 1024), "tree_growth": growth(own)},
    )  # fmt: skip
    paths = {s.inside: {"path": writing.relative(s.path, project), "sha256": digest(own[s.inside])} for s in files}
    return Draft(texts, {"form": "function", "project": writing.relative(project, folder), "files": paths})


def growth(own: Mapping[str, str]) -> float:
    """How many times its size the program may grow to: a small one needs room for a helper or two."""
    return round(min(100.0, 2.0 + GROWTH_ROOM / (1 + sum(map(len, own.values())))), 1)


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
