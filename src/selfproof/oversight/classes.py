"""Of which classes a change is, decided from the files alone; and what the charter asks for each of them.

A change is compared twice: with the version before it, and, in the files that it touches, with the *approved* version:
the last one that people signed, or the first. So a change that is split into ten innocent ones is still of its class.

Does not protect against: what a class's name does not say. A constant may hold a prompt, or a table that is code in
all but name; where that matters, ask for people for "constants" too. What only runs once it is imported is the jail's.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from selfproof.archive.state import State
from selfproof.charter import CLASSES, Charter
from selfproof.nouns import Files

WORDS = (".md", ".txt", ".prompt", ".rst", ".jinja", ".j2")
PACKAGING = (
    "pyproject.toml", "setup.py", "setup.cfg", "pipfile", "environment.yml", "environment.yaml", "uv.lock",
    "poetry.lock", "pdm.lock", "pylock.toml", "conda-lock.yml", "package.json", "cargo.toml", "go.mod",
)  # fmt: skip


def of_edit(before: Files, after: Files, approved: Files, charter: Charter) -> dict[str, str]:
    """The classes of a change of files, each with why; {} for one that changes nothing."""
    touched = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    found: dict[str, str] = {}
    improver = _improver(before, charter) | _improver(after, charter)
    for path in touched:
        for reference in (before.get(path), approved.get(path)):
            name = _of_text(path, reference, after.get(path), charter)
            if name:
                found.setdefault(name, path)
        if path in improver:
            found.setdefault("improver", f"{path} is the improver's, or is imported by it")
        if is_packaging(path):
            found.setdefault("dependencies", path)
    if added := imports_added(approved, after, touched):
        found.setdefault("dependencies", f"imports {', '.join(added)}")
    share = size_of(after) / max(1, size_of(approved)) - 1
    if share > charter.classes.growth and size_of(after) > size_of(before):
        found["size"] = f"{share:.0%} larger than what people approved last"
    return {name: found[name] for name in CLASSES if name in found}


def in_force(state: State, charter: Charter, files: Mapping[str, str], read: Callable[[str], bytes]) -> dict[str, str]:
    """The classes that a change to these files ({path: SHA-256}) has if it is made now; ``read`` gives blobs."""
    before, after, approved = trees(state, files, read)
    return of_edit(before, after, approved, charter)


def trees(
    state: State, files: Mapping[str, str], read: Callable[[str], bytes]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """The current version's files, the same with those that a change brings, and the approved version's."""
    names = (state.now.files, {**state.now.files, **files}, state.versions[approved_version(state)].files)
    before, after, approved = ({path: read(digest).decode() for path, digest in one.items()} for one in names)
    return before, after, approved


def of_charter(before: Charter, after: Charter, said: Mapping[str, Any], says: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes of a change of charter, tasks or approvers; ``said`` and ``says`` are the bodies of its entries."""
    aims = (before.objectives, before.guards) != (after.objectives, after.guards) or said["tasks"] != says["tasks"]
    texts = before.text != after.text or said.get("approvers") != says.get("approvers")
    return tuple(name for name, is_it in (("objective", aims), ("charter", texts)) if is_it)


def forbidden(charter: Charter, classes: Iterable[str]) -> str | None:
    """The first of these classes that the charter never allows, or None."""
    return next((name for name in classes if charter.classes.needs(name) == "forbid"), None)


def signatures(charter: Charter, classes: Iterable[str], *, asked: bool) -> int:
    """How many approvers must sign a change of these classes; ``asked``: somebody must whatever its classes are."""
    numbers = [n for name in classes if isinstance(n := charter.classes.needs(name), int)]
    return max([*numbers, charter.autonomy.approvals if asked else 0])


def approved_version(state: State) -> int:
    """The newest version of those that stand which people signed; the first before any."""
    standing = {v.number for v in state.versions if not v.rolled_back and v.number <= state.current}
    signed = (c.version for c in state.confirmations.values() if c.waits is not None and c.version in standing)
    return max((number for number in signed if number is not None), default=0)


def size_of(files: Files) -> int:
    """Characters of all files."""
    return sum(map(len, files.values()))


def imports_added(before: Files, after: Files, touched: Iterable[str]) -> list[str]:
    """Top-level packages that touched files import and no file of the program did before, its own modules left out."""
    known = {name for path, text in before.items() if path.endswith(".py") for name in imported(text)}
    own = {path.removesuffix(".py").split("/")[0] for path in after}
    new = {name for path in touched if path.endswith(".py") for name in imported(after.get(path, ""))}
    return sorted(new - known - own)


def is_packaging(path: str) -> bool:
    """Whether a file says what a project depends on."""
    name = path.rpartition("/")[2].casefold()
    return name in PACKAGING or (name.startswith("requirements") and name.endswith((".txt", ".in")))


@lru_cache(maxsize=256)
def imported(text: str) -> frozenset[str]:
    """Top-level names that a text imports anywhere; of what is no Python none."""
    tree = parsed(text)
    found = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return frozenset(found)


def parsed(text: str) -> ast.Module | None:
    """The syntax tree, or None of what cannot be taken apart."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _of_text(path: str, before: str | None, after: str | None, charter: Charter) -> str:
    if before == after:
        return ""
    if path == charter.proposers.prompt or path.casefold().endswith(WORDS):
        return "prompts"
    alike = before is not None and after is not None and path.endswith(".py")
    return "constants" if alike and _skeleton(before or "") == _skeleton(after or "") != "" else "code"


@lru_cache(maxsize=256)
def _skeleton(text: str) -> str:
    """The code without the values of its constants; "" for what cannot be taken apart, which is like nothing."""
    tree = parsed(text)
    if tree is None:
        return ""
    try:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                node.value, node.kind = type(node.value).__name__, None
        return ast.dump(tree)
    except RecursionError:
        return ""


def _improver(files: Files, charter: Charter) -> set[str]:
    """The improver's file, and those of the program that it imports, and so on."""
    modules = {path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path for path in files}
    first = charter.proposers.improver.partition(":")[0]
    found, open_ = set(), [first] if first else []
    while open_:
        path = open_.pop()
        if path in found:
            continue
        found.add(path)
        for name in _names(files.get(path, "")):
            open_ += [modules[part] for part in (name, name.rpartition(".")[0]) if part in modules]
    return found


@lru_cache(maxsize=256)
def _names(text: str) -> frozenset[str]:
    """Modules that a text may import, and names in them that may be modules: relative ones as from the root."""
    tree = parsed(text)
    found = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            found |= {base, *(f"{base}.{alias.name}".strip(".") for alias in node.names)}
    return frozenset(found)
