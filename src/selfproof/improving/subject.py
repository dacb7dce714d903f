"""What a caller wants improved: a function of theirs becomes a living program, a program that is there goes on."""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from selfproof.improving import cells
from selfproof.jail import values
from selfproof.nouns import Event, UsageError
from selfproof.places import Paths
from selfproof.projects import function, origin
from selfproof.trial.recorded import Call

Inputs = Iterable[Sequence[Any]] | Callable[[], Iterable[Sequence[Any]]]
"""Argument lists of a function, or what makes them."""

MOST_INPUTS: Final = 2_000
_MARKS: Final = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


def prepared(
    what: object, inputs: Inputs | None, folder: Path | None, seed: int | None, tell: Callable[[Event], None]
) -> Path:
    """The folder of the living program; one is made for a function that has none yet.

    Raises:
        UsageError: there is no such program, the function cannot be taken, or inputs do not fit it.
    """
    if isinstance(what, str | Path):
        if inputs is not None or folder is not None:
            raise UsageError("inputs and folder are for a function", advice="A charter names its own tasks.")
        return _there(Path(what))
    if not isinstance(what, types.FunctionType):
        raise UsageError(
            f"{what!r} is no plain function, and no path of a charter",
            advice="Pass a function that is written in Python, undecorated, or the folder of a living program.",
        )
    home = folder if folder is not None else Path("living") / what.__name__
    found = _located(what, home)
    if Paths(home).ledger.exists():
        _check_same(home, found)
        return home
    calls = () if inputs is None else _calls(inputs)
    if found.text:
        found.file.parent.mkdir(parents=True, exist_ok=True)
        found.file.write_text(found.text, encoding="utf-8")
    made = function.make(
        found.project, home, function.Options(found.place, seed=seed, calls=calls),
        lambda line: tell({"event": "preparing", "words": line}),
    )  # fmt: skip
    tell({"event": "init", "program": made.program_id, "folder": str(home.resolve()), "told": made.told})
    return home


@dataclass(frozen=True)
class Located:
    """Where a function is: its project, its place "module:name", its file; ``text`` if that has to be written first."""

    project: Path
    place: str
    file: Path
    text: str = ""


def _there(path: Path) -> Path:
    folder = path.parent if path.name == "charter.toml" else path
    if not Paths(folder).charter.is_file():
        raise UsageError(f"there is no charter.toml in {folder}", advice="Make a program there with `selfproof init`.")
    return folder


def _located(what: types.FunctionType, home: Path) -> Located:
    """Find a function's file; one that is in no module that can be imported gets a module of its own beside ``home``.

    Raises:
        UsageError: it is no function of a module's top level.
    """
    cells.source_of(what)  # says what is wrong with it, before anything is written
    module, path = what.__module__, inspect.getsourcefile(what)
    if module == "__main__" or path is None or not Path(path).is_file():
        project, name = home.with_name(home.name + "-source"), f"cell_{what.__name__}"
        return Located(project, f"{name}:{what.__name__}", project / f"{name}.py", cells.module_of(what))
    file = Path(path).resolve()
    parts = len(module.split(".")) + (file.name == "__init__.py")
    return Located(_project(file.parents[parts - 1]), f"{module}:{what.__name__}", file)


def _project(root: Path) -> Path:
    """The project whose modules lie in ``root``: where its settings are, at most two folders up."""
    if "site-packages" in root.parts or Path(sys.prefix).resolve() in root.parents:
        return Path.cwd()
    for folder in (root, *root.parents[:2]):
        if any((folder / mark).exists() for mark in _MARKS) and folder != Path.home():
            return folder
    return root


def _check_same(home: Path, found: Located) -> None:
    """See that the program that is there was made of this function, as it is now.

    Raises:
        UsageError: it was not.
    """
    known = origin.load(home)
    advice = "Name another folder for it: improve(..., folder=...)"
    files = known.files.values() if known is not None and known.form == "function" else ()
    places = {((Path(one.root) if one.root else known.project) / one.path).resolve(): one.sha256
              for one in files if known is not None}  # fmt: skip
    name = found.place.partition(":")[2]
    called = [text for part in (function.RUNNER, function.ADAPTER.partition(":")[0])
              if (text := _read(home / "program" / part))]  # fmt: skip
    if found.file.resolve() not in places or not any(re.search(rf"\bmodule\.{name}\(", text) for text in called):
        raise UsageError(f"{home} holds a program that was made of something else", advice=advice)
    now = found.text.encode() if found.text else found.file.read_bytes()
    if hashlib.sha256(now).hexdigest() != places[found.file.resolve()]:
        raise UsageError(f"{found.place} has changed since {home} was made of it", advice=advice)


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


def _calls(inputs: Inputs) -> tuple[Call, ...]:
    """Argument lists as calls.

    Raises:
        UsageError: one is no list or tuple, holds what cannot be given to a jail, or there are too many or none.
    """
    found: list[Call] = []
    for one in inputs() if callable(inputs) else inputs:
        if not isinstance(one, list | tuple):
            raise UsageError(
                f"an input is a list or tuple of arguments, not {type(one).__name__}",
                advice="For one argument write (argument,), for example inputs=[(5,), (6,)].",
            )
        if len(found) >= MOST_INPUTS:
            raise UsageError(f"more than {MOST_INPUTS:,} inputs", advice="Give fewer; each run varies them afresh.")
        try:
            values.encode(tuple(one))
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"input {len(found)} is no plain data: {error}",
                advice="Leave inputs away: then calls are recorded from the project's tests, objects included.",
            ) from None
        found.append([tuple(one), {}])
    if not found:
        raise UsageError("no inputs", advice="Give at least two argument lists, or leave inputs away.")
    return tuple(found)
