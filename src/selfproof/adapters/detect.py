"""Which tool a folder or file is of, and the way in for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from selfproof.adapters import autoresearch, gepa, importing, inspected, openevolve, shinka
from selfproof.adapters.base import NotUnderstood, Told
from selfproof.nouns import UsageError
from selfproof.projects.writing import Made

KINDS = ("openevolve", "shinka", "gepa", "autoresearch", "inspect")
_LOOKS = {
    "openevolve": openevolve.looks_like, "shinka": shinka.looks_like, "autoresearch": autoresearch.looks_like,
    "inspect": inspected.looks_like, "gepa": gepa.looks_like,
}  # fmt: skip
_WANTED = {
    "openevolve": "initial_program.py and evaluator.py", "shinka": "initial.py and evaluate.py",
    "autoresearch": "train.py and prepare.py",
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What a person may say: the kind, a name in the file, ceilings, what Inspect and autoresearch need besides.

    ``timeout`` is in seconds for one evaluation, 0.0: as the task says.
    """

    kind: str = ""
    name: str = ""
    timeout: float = 0.0
    seed: int | None = None
    solver: str = ""
    metric: str = ""
    better: str = ""


def kind_of(path: Path) -> str:
    """The tool that a folder or file was written for.

    Raises:
        UsageError: there is nothing, or nothing that is known.
    """
    if not path.exists():
        raise UsageError(f"there is no {path}")
    found = next((kind for kind, looks_like in _LOOKS.items() if looks_like(path)), None)
    if found is None:
        known = "; ".join(f"{kind}: {files}" for kind, files in _WANTED.items())
        raise NotUnderstood(
            f"{path} looks like no task that is known",
            advice=f"Known: {known}; gepa: FILE.py:evaluator; inspect: FILE.py:task. Or say --kind.",
        )
    return found


def bring(path: Path, folder: Path, options: Options, tell: Told) -> tuple[str, Made]:
    """Import a task of any kind; returns the kind and what was made. ``tell`` gets each line when it is known.

    Raises:
        UsageError: it is of no kind that is known, or not as that kind should be; or the folder is taken.
        SelfproofError: the first program gives nothing to measure.
        JailUnavailable: this machine cannot isolate as strongly as the task needs.
    """
    kind = options.kind or kind_of(path)
    tell(f"{kind}: {path}")
    if kind == "autoresearch":
        found = autoresearch.read(path, options.metric, options.better)
        return kind, autoresearch.write(path, folder, found, options.seed, options.timeout / 60, tell)
    if kind == "inspect":
        if not options.solver:
            raise UsageError("an Inspect task needs a function that answers", advice="Add --solver FILE.py:function")
        task = inspected.read(path, options.name)
        return kind, inspected.write(task, options.solver, folder, options.seed, tell)
    readers = {"openevolve": openevolve.read, "shinka": shinka.read}
    imported = readers[kind](path) if kind in readers else gepa.read(path, options.name)
    chosen = importing.Options(options.timeout or None, options.seed)
    return kind, importing.write(imported, folder, chosen, tell)
