"""Who edited the editor: which version's improver proposed what, and how often that improver had been edited before.

A program may hold its own improver, and an edit may change it. *The improver of a version* is its code: the function
that the charter names and all of the module's names that it leads to, the texts of the program's other modules that it
imports, nothing else. Two versions with the same code have the same improver. The first one has depth 0; one that was
changed has a depth one above that of the improver that proposed the change.

It describes. Nothing is decided by it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from selfproof.archive.state import State
from selfproof.archive.tree import form_of
from selfproof.nouns import Files

MISSING = "missing"
"""What stands for the improver of a version that has none."""


@dataclass(frozen=True)
class Lineage:
    """Of a version: which version's improver proposed it, at which depth that improver was (None: not told), and
    whether this version's own improver is another one than that of the version before it."""

    improver: int | None
    depth: int | None
    edits_improver: bool


def improver_form(files: Files, entry: str) -> str:
    """A short name for the improver at ``entry`` (FILE.py:function) in these files; ``MISSING`` if it is not there.

    Text that is no Python has the name of its text.
    """
    path, _, function = entry.partition(":")
    if path not in files:
        return MISSING
    try:
        tree = ast.parse(files[path])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _short(files[path])
    named = {name: node for node in tree.body for name in _binds(node)}
    if function not in named:
        return MISSING
    reached, open_ = {function}, [function]
    while open_:
        for used in _uses(named[open_.pop()]):
            if used in named and used not in reached:
                reached.add(used)
                open_.append(used)
    own = [ast.dump(node) for node in tree.body if reached & set(_binds(node))]
    modules = {name for node in tree.body if reached & set(_binds(node)) for name in _imports(node)}
    others = {p: text for p, text in files.items() if p != path and _module(p) in modules}
    return _short("\n".join(own) + form_of(others))


def _binds(node: ast.stmt) -> list[str]:
    """Names that a statement of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def _uses(node: ast.AST) -> Iterable[str]:
    return (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _imports(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def lineages(state: State, files: Callable[[int], Files], entry: str) -> dict[int, Lineage]:
    """Where each version after the first came from, rolled back or not; ``files`` gives those of a version."""
    forms = {0: improver_form(files(0), entry)}
    depths, found = {0: 0}, {}
    before = {c.version: c.body for c in state.confirmations.values() if c.version is not None}
    for version in state.versions[1:]:
        number, body = version.number, before[version.number]
        base, asked = body["base_version"], body.get("improver")
        forms[number] = improver_form(files(number), entry)
        changed = forms[number] != forms[base]
        depth = depths.get(asked) if asked is not None else None
        # Of a change by a model or a person no improver was the author: it counts on from the one that it changes.
        depths[number] = depths[base] if not changed else 1 + (depths[base] if depth is None else depth)
        found[number] = Lineage(asked, depth, changed)
    return found
