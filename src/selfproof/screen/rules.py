"""The rules that an edit passes before anything is run: shape, scope, size, and a syntax allow-list.

A screen is a tripwire, not the boundary: the jail is. It keeps out what has no business in an edit (imports of the
operating system, dynamic execution, dunder access) and what would waste a trial. The reason is for the ledger and
the person; a proposer never sees it.

Does not protect against: anything that a determined program can still express within these rules.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from functools import lru_cache

from selfproof.archive.tree import matches
from selfproof.charter import ProgramSection
from selfproof.nouns import Edit, Files

DEEPEST = 100  # levels of the syntax tree; Python's own limit on recursion leaves room for about 300
BANNED_CALLS = frozenset(
    {"exec", "eval", "compile", "open", "input", "__import__", "breakpoint", "globals", "locals", "vars",
     "setattr", "delattr", "getattr", "memoryview", "print", "exit", "quit", "help"}
)  # fmt: skip
ALLOWED_IMPORTS = frozenset(
    {"numpy", "math", "itertools", "functools", "collections", "re", "random", "heapq", "bisect", "string",
     "statistics", "operator", "hashlib", "dataclasses", "typing", "copy", "ast", "selfproof.operators"}
)  # fmt: skip


def screen(edit: Edit, incumbent: Files, section: ProgramSection, first_size: int) -> str | None:
    """Why the edit is turned away, or None if it may be run.

    ``first_size`` is the program's size in characters at version 0.
    """
    if not edit.files:
        return "changes nothing"
    for path, text in edit.files.items():
        if not _within(path, incumbent):
            return f"{path!r} is no place for a file of the program"
        if not matches(path, section.editable) or matches(path, section.protected):
            return f"{path} is not editable"
        if len(text.encode()) > section.max_file_kb * 1024:
            return f"{path} is larger than {section.max_file_kb} kB"
        if path.endswith(".py") and (reason := _python(text, incumbent.get(path, ""), set(incumbent))):
            return f"{path}: {reason}"
    after = {**incumbent, **edit.files}
    if sum(map(len, after.values())) > section.tree_growth * first_size:
        return f"the program would grow beyond {section.tree_growth} times its first size"
    return None


def _within(path: str, incumbent: Files) -> bool:
    """Whether a path stays in the program's folder, is none of git's, and is seen again when that is read."""
    parts = path.split("/")
    plain = path.isprintable() and all(part not in {"", ".", "..", ".git", "__pycache__"} for part in parts)
    short = plain and len(path.encode()) <= 200 and not path.endswith((".new", ".pyc"))
    above = {"/".join(parts[:n]) for n in range(1, len(parts))}
    return short and not above & set(incumbent) and not any(p.startswith(path + "/") for p in incumbent)


def _python(text: str, before: str, modules: Collection[str]) -> str | None:
    try:
        nodes = _nodes(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "cannot be taken apart"
    if nodes is None:
        return f"is nested deeper than {DEEPEST} levels"
    allowed = ALLOWED_IMPORTS | {path.removesuffix(".py").replace("/", ".") for path in modules}
    imports, objections = _before(before)
    allowed |= imports
    for name in _named(nodes):
        if name not in allowed and name.split(".")[0] not in allowed:
            return f"imports {name}"
    found = [said for node in nodes if (said := _objection(node))]
    return next((said for said in found if said not in objections), None)


def _objection(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name) and node.id in BANNED_CALLS:
        return f"uses {node.id}"
    if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
        return f"touches {node.attr}"
    return "declares global state" if isinstance(node, ast.Global | ast.Nonlocal) else None


@lru_cache(maxsize=64)
def _before(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """What a file imports, and what could be objected to in it: an edit of it brings in neither."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), frozenset()
    return _named(nodes), frozenset(said for node in nodes if (said := _objection(node)))


def _nodes(tree: ast.Module) -> list[ast.AST] | None:
    """Every node; None if code that walks the tree by recursion could run out of stack."""
    found: list[ast.AST] = []
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        found += level
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return found
    return None


def _named(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Modules that a file imports anywhere."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return frozenset(found)
