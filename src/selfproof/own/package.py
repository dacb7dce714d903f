"""Which modules of the installed package may get faster copies, and how such a copy is made.

What holds a promise (the *kernel*) is out of reach: no function of it can be chosen, and where a copy needs one of its
modules that is copied too, but is not editable and has no way back into a patch.

Does not protect against: a person who applies a patch to the kernel that came from somewhere else.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import selfproof
from selfproof.nouns import UsageError
from selfproof.projects import closure, origin, target
from selfproof.projects.closure import Source
from selfproof.projects.origin import Original
from selfproof.projects.target import Target

NAME = "selfproof"
KERNEL = frozenset(
    {"adopt", "certify", "charter", "grants", "jail", "ledger", "levels", "line", "nouns", "oversight", "screen"}
)
"""The trusted core and the line, by the part of the package: see tests/test_structure.py, CORE."""
ELSEWHERE: Mapping[str, str] = {
    "templates": "is text that programs are made from, which a life rewrites by itself",
    "attacks": "is text of hostile programs",
    "own": "is what looks at the package",
}
INSIDE = ("grants", "jail", "operators")
"""Parts that are installed in the jail: a copy imports them from there."""
MOST_FILES = 60  # that a copy may need


@dataclass(frozen=True)
class Home:
    """Where the running package is: its folder, and the project that it belongs to if it is run from a checkout."""

    package: Path
    project: Path
    own: bool


def home() -> Home:
    """The package that runs this."""
    package = Path(selfproof.__file__).resolve().parent
    project = closure.project_of(package)
    own = project != package and not set(closure.INSTALLED) & set(package.relative_to(project).parts)
    return Home(package, project if own else package.parent, own)


def part_of(module: str) -> str:
    """The part of the package that a module is of, "" for the package's own front page."""
    return [*module.split("."), ""][1]


def forbidden(module: str) -> str | None:
    """Why functions of a module cannot be chosen, or None."""
    part = part_of(module)
    if part in KERNEL:
        return f"is of the trusted core (selfproof.{part}), which no program may change"
    said = ELSEWHERE.get(part)
    return said if part else "is the package's front page"


def named(place: str) -> tuple[str, str]:
    """(module, function) of "operators.speed:edits_for", with the package's name in front or without.

    Raises:
        UsageError: it names no function of this package, or one that cannot be chosen.
    """
    module, _, function = place.partition(":")
    module = module if module.split(".")[0] == NAME else f"{NAME}.{module}"
    if source_of(module) is None or not function:
        raise UsageError(f"{place!r} names no function of selfproof", advice="Write it as operators.speed:edits_for.")
    if reason := forbidden(module):
        raise UsageError(
            f"{module} {reason}",
            advice="Name a function outside " + ", ".join(sorted(KERNEL)) + "; `--target self` chooses by itself.",
        )
    copied(module, function, NAME)
    return module, function


def source_of(module: str) -> Source | None:
    """The file of a module of the package."""
    where = home()
    base = where.package.parent.joinpath(*module.split("."))
    path = next((p for p in (base / "__init__.py", base.with_name(base.name + ".py")) if p.is_file()), None)
    within = path is not None and where.package in path.parents
    return Source(module, path, where.package.parent, where.own) if path is not None and within else None


@dataclass(frozen=True)
class Copy:
    """A function's module and what it needs, as files of a program.

    ``texts`` by path there; ``originals`` of the one file that may change; ``renamed`` modules.
    """

    target: Target
    texts: Mapping[str, str]
    originals: Mapping[str, Original]
    renamed: Mapping[str, str]


def copied(module: str, function: str, prefix: str) -> Copy:
    """Copy a module under another name, with what it needs of the package and the jail does not have.

    Raises:
        UsageError: there is no such function, or the module cannot be copied.
    """
    first = source_of(module)
    if first is None or first.is_package:
        raise UsageError(f"{module} is no module of one file")
    sources = needed(first)
    renamed = {source.module: prefix + source.module.removeprefix(NAME) for source in sources}
    texts = {}
    for source in sources:
        text, digest = origin.taken(source.path)
        inside = renamed[source.module].replace(".", "/") + ("/__init__.py" if source.is_package else ".py")
        texts[inside] = target.absolute_imports(source, text, lambda name, names: called(name, names, renamed))
        if source == first:
            where, path = home(), inside
            root = "" if where.own else str(where.package.parent)
            originals = {path: Original(origin.relative(source.path, where.project), digest, root, True)}
    tree = ast.parse(texts[path])
    node = target.definition(first.path, tree, function)
    return Copy(Target(first, function, node, tree, renamed[module]), texts, originals, renamed)


def needed(first: Source) -> list[Source]:
    """A module, and what it imports of the package that the jail does not have; in the order of their paths.

    Raises:
        UsageError: that is too much.
    """
    found, waiting = {first.module: first}, [first]
    while waiting:
        for name in closure.imported(waiting.pop()):
            if name in found or name.split(".")[0] != NAME or part_of(name) in {"", *INSIDE}:
                continue
            if (source := source_of(name)) is not None:
                found[name] = source
                waiting.append(source)
    if len(found) > MOST_FILES:
        raise UsageError(f"{first.module} needs {len(found)} files of the package, {MOST_FILES} at most can be copied")
    return sorted(found.values(), key=lambda source: source.inside)


def called(name: str, names: Sequence[str], renamed: Mapping[str, str]) -> str:
    """How a copy imports a module: under its new name if it was copied.

    Raises:
        UsageError: one line imports copied modules and others.
    """
    if name in renamed:
        return renamed[name]
    if name != NAME:
        return name
    copies = [f"{NAME}.{one}" in renamed for one in names]
    if any(copies) and not all(copies):
        raise UsageError(f"`from {NAME} import {', '.join(names)}` is of copied modules and others")
    return next(iter(renamed.values())).split(".")[0] if copies and all(copies) else name
