"""Tables and small readings of syntax that the speed operators share; nothing here decides what is safe."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

FORBIDDEN_NODES: tuple[type[ast.AST], ...] = (
    ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef, ast.FunctionDef,
    ast.ClassDef, ast.Global, ast.Nonlocal, ast.Match, ast.TryStar, ast.With, ast.Import, ast.ImportFrom,
)  # fmt: skip
"""Syntax inside a function that the analysis does not model: such a function is left alone."""

FRESH_BUILTINS = frozenset({"list", "dict", "set", "sorted", "len", "str", "int", "float", "bool", "range", "tuple"})
"""Builtins whose result is a new object, or one that cannot change."""

BORROWING_BUILTINS = FRESH_BUILTINS | {
    "frozenset", "any", "all", "enumerate", "reversed", "repr", "abs", "zip", "min", "max", "sum"
}  # fmt: skip
"""Builtins that, called with one positional argument, do not return that very argument if it can change."""

_CHANGING = "append extend insert pop remove clear sort reverse add discard update setdefault popitem"
_UNMODELLED = "format format_map fromhex maketrans fromkeys from_bytes"

CHANGING_METHODS = frozenset(_CHANGING.split()) | {
    "intersection_update", "difference_update", "symmetric_difference_update"
}  # fmt: skip
"""Methods of plain data that change the receiver, and nothing else."""

READING_METHODS = frozenset(
    name
    for kind in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
    for name in vars(kind)
    if not name.startswith("_") and name not in CHANGING_METHODS
) - frozenset(_UNMODELLED.split())
"""Methods of plain data that change nothing."""

EXCEPTIONS = frozenset(
    name for name, item in vars(builtins).items() if isinstance(item, type) and issubclass(item, BaseException)
)


def number(node: ast.AST | None) -> bool:
    """Whether `node` is a number written out."""
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def parents_of(root: ast.AST) -> dict[ast.AST, ast.AST]:
    """Each node below `root` with the node that holds it."""
    return {child: node for node in ast.walk(root) for child in ast.iter_child_nodes(node)}


def names_bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Every name that the given nodes may bind or delete, comprehension and lambda names included."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def is_name(node: ast.AST, name: str) -> bool:
    """Whether `node` is the plain name `name`."""
    return isinstance(node, ast.Name) and node.id == name
