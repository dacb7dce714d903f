"""A tripwire: what has no business in an edit (imports of the operating system, dynamic execution, dunder access), and
what would waste a trial.

Does not protect against: anything that a determined program can still express. The jail is the boundary; nothing relies
on what is turned away here.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from functools import lru_cache

from selfproof.nouns import Objection
from selfproof.screen.reach import importable, reached

DEEPEST = 100  # levels of the syntax tree; Python's own limit on recursion leaves room for about 300
BANNED_CALLS = frozenset(
    {"exec", "eval", "compile", "open", "input", "__import__", "breakpoint", "globals", "locals", "vars",
     "setattr", "delattr", "getattr", "memoryview", "print", "exit", "quit", "help"}
)  # fmt: skip
ALLOWED_IMPORTS = frozenset(
    {"numpy", "math", "itertools", "functools", "collections", "re", "random", "heapq", "bisect", "string",
     "statistics", "operator", "hashlib", "dataclasses", "typing", "copy", "ast", "selfproof.operators"}
)  # fmt: skip


def objection(text: str, before: str, modules: Collection[str], granted: Collection[str] = ()) -> Objection | None:
    """Why a Python file is turned away, or None; what ``before``, its text until now, had already is let through, and
    so is what the charter grants its trials (``reach.GRANTED``)."""
    try:
        nodes = _nodes(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Objection("syntax", "cannot be taken apart")
    if nodes is None:
        return Objection("syntax", f"is nested deeper than {DEEPEST} levels")
    allowed = ALLOWED_IMPORTS | {path.removesuffix(".py").replace("/", ".") for path in modules}
    imports, objections = _before(before)
    allowed |= imports | importable(granted)
    for name in _named(nodes):
        if name not in allowed and name.split(".")[0] not in allowed:
            return Objection("import", f"imports {name}")
    found = [*(said for node in nodes if (said := _in_node(node))), *reached(nodes, granted)]
    return next((said for said in found if said not in objections), None)


def _in_node(node: ast.AST) -> Objection | None:
    if isinstance(node, ast.Name) and node.id in BANNED_CALLS:
        return Objection("call", f"uses {node.id}")
    if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
        return Objection("dunder", f"touches {node.attr}")
    if isinstance(node, ast.Global | ast.Nonlocal):
        return Objection("global", "declares global state")
    return None


@lru_cache(maxsize=64)
def _before(text: str) -> tuple[frozenset[str], frozenset[Objection]]:
    """What a file imports, and what could be objected to in it: an edit of it brings in neither."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), frozenset()
    return _named(nodes), frozenset([*(said for node in nodes if (said := _in_node(node))), *reached(nodes)])


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
