"""Write a living program's folder from what a form has drafted: all of it or nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from selfproof import birth
from selfproof.nouns import SelfproofError, UsageError
from selfproof.places import Paths
from selfproof.projects import origin
from selfproof.projects.origin import Origin

GUIDANCE = "guidance.md"
LARGEST_GUIDANCE = 64 * 1024


@dataclass(frozen=True)
class Made:
    """What ``init`` made: the program's id, its folder, and what the user should know, a line each."""

    program_id: str
    folder: Path
    told: list[str]


@dataclass
class Draft:
    """The parts of a folder before it is written: texts by their path below it, ``charter.toml`` among them.

    ``origin`` says where the program's files came from: ``export`` finds the way back by it.
    """

    files: dict[str, str]
    origin: Origin | None = None


def template(name: str) -> dict[str, str]:
    """All texts of a template, by their path."""
    with resources.as_file(resources.files("selfproof") / "templates" / name) as real:
        paths = sorted(p for p in real.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return {path.relative_to(real).as_posix(): path.read_text("utf-8") for path in paths}


def filled(charter: str, values: Mapping[str, Any]) -> str:
    """A charter's text with other values: the first line ``key = ...`` of each key, comments kept.

    Raises:
        SelfproofError: the charter has no such line.
    """
    for key, value in values.items():
        found = re.search(rf"(?m)^{re.escape(key)} = [^#\n]*?( *#.*)?$", charter)
        if found is None:
            raise SelfproofError(f"the template's charter has no line for {key}")
        comment = "  " + found[1].strip() if found[1] else ""
        charter = charter[: found.start()] + f"{key} = {toml(value)}{comment}" + charter[found.end() :]
    return charter


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # strings, numbers and booleans are written alike


def guidance(project: Path) -> str:
    """What a project says to coding agents, "" if nothing: its program.md, AGENTS.md or CLAUDE.md."""
    for name in ("program.md", "AGENTS.md", "CLAUDE.md"):
        path = project / name
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")[:LARGEST_GUIDANCE]
    return ""


def write(folder: Path, draft: Draft, seed: int | None = None) -> str:
    """Write a draft into an empty or new folder and begin its ledger; returns the program's id.

    Raises:
        UsageError: the folder holds something, or the draft is no sound program.
        SelfproofError: the folder cannot be written.
    """
    check_free(folder)
    aside = folder.with_name(folder.name + ".selfproof.parts")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        for path, text in draft.files.items():
            target = aside / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        if draft.origin is not None:
            (aside / origin.NAME).write_text(draft.origin.dumped(folder), encoding="utf-8")
        (aside / ".gitignore").write_text("*\n", encoding="utf-8")  # the project's own git leaves it alone
        program_id = birth.begin(aside, seed)
        if folder.is_dir():
            folder.rmdir()
        aside.rename(folder)
    except OSError as error:
        raise SelfproofError(
            f"cannot write to {folder.resolve()}: {error.strerror or error}", advice="Name a folder that you may write."
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return program_id


def check_free(folder: Path) -> None:
    """See that a living program may be written here.

    Raises:
        UsageError: there is one already, or other files stand in the way.
    """
    if Paths(folder).ledger.exists():
        raise UsageError(
            f"{folder.resolve()} holds a living program already",
            advice="Type `selfproof run` to go on, or name another folder: selfproof init FOLDER ...",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder.resolve()} is not empty", advice="Name a folder that is new: selfproof init FOLDER ..."
        )


def remove(folder: Path) -> None:
    """Take away what ``write`` made, after a baseline that could not be measured."""
    shutil.rmtree(folder, ignore_errors=True)
