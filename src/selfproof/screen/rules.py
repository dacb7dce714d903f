"""The rules that an edit passes before anything is run: which files it may change, how far the program may grow.

What a text may say, ``syntax``, ``reach`` and ``texts`` ask. The reason is for the ledger and the person; a proposer
never sees it.

Does not protect against: anything that a determined program can still express within these rules.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from selfproof.archive.tree import matches
from selfproof.charter import ProgramSection
from selfproof.nouns import Edit, Files, Objection
from selfproof.oversight import facts
from selfproof.screen import syntax, texts

RUN_UNASKED = ("conftest.py", "sitecustomize.py", "usercustomize.py", "__main__.py", "setup.py", "noxfile.py")
FEW_BRANCHES = 20  # a program of fewer may have as many times more of them as if it had these


@dataclass(frozen=True)
class First:
    """Characters and branches of the program at version 0."""

    size: int
    branches: int


def screen(
    edit: Edit, incumbent: Files, section: ProgramSection, first: First, granted: Collection[str] = ()
) -> Objection | None:
    """Why the edit is turned away, or None if it may be run; ``granted`` is what the charter lets its trials use."""
    if not edit.files:
        return Objection("empty", "changes nothing")
    for path, text in edit.files.items():
        if found := _place(path, incumbent, section):
            return found
        if len(text.encode()) > section.max_file_kb * 1024:
            return Objection("file-size", f"{path} is larger than {section.max_file_kb} kB")
        before = incumbent.get(path, "")
        found = texts.objection(text, before)
        if found is None and path.endswith(".py"):
            found = syntax.objection(text, before, set(incumbent), granted)
        if found is not None:
            return Objection(found.rule, f"{path}: {found.reason}")
    return _whole(incumbent, {**incumbent, **edit.files}, section, first)


def _place(path: str, incumbent: Files, section: ProgramSection) -> Objection | None:
    """Why there may be no such file, or it may not be changed."""
    if not _within(path, incumbent):
        return Objection("path", f"{path!r} is no place for a file of the program")
    if not matches(path, section.editable) or matches(path, section.protected):
        return Objection("scope", f"{path} is not editable")
    name = path.rpartition("/")[2].casefold()
    unasked = name in RUN_UNASKED or name.endswith(".pth") or any(part.startswith(".") for part in path.split("/"))
    if unasked and path not in incumbent:
        return Objection("unasked", f"{path} is new, and is of a kind that others run or obey without being asked")
    return None


def _whole(before: Files, after: Files, section: ProgramSection, first: First) -> Objection | None:
    """What the program as a whole may not become."""
    if sum(map(len, after.values())) > section.tree_growth * first.size:
        return Objection("growth", f"the program would grow beyond {section.tree_growth} times its first size")
    most = section.branch_growth * max(FEW_BRANCHES, first.branches)
    if facts.branches_in(after) > max(most, facts.branches_in(before)):
        return Objection("complexity", f"the program would have more than {most:.0f} branches")
    if gone := facts.tests_removed(before, after):
        return Objection("tests", f"{len(gone)} tests are gone, {gone[0]} among them")
    return None


def _within(path: str, incumbent: Files) -> bool:
    """Whether a path stays in the program's folder, is none of git's, and is seen again when that is read."""
    parts = path.split("/")
    banned = {"", ".", "..", ".git", "git~1", "__pycache__"}
    plain = path.isprintable() and all(part.casefold() not in banned and part == part.rstrip(" .") for part in parts)
    short = plain and len(path.encode()) <= 200 and not path.endswith((".new", ".pyc")) and not {*path} & {"\\", ":"}
    above = {"/".join(parts[:n]) for n in range(1, len(parts))}
    return short and not above & set(incumbent) and not any(p.startswith(path + "/") for p in incumbent)
