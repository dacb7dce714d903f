"""What a Python script calls a function with, as far as its text tells; nothing is run."""

from __future__ import annotations

import ast
from typing import Any

UNKNOWN = object()


def arguments(text: str, function: str) -> dict[str, Any] | None:
    """The named arguments of the first call of ``function`` whose values are literals, here or in a name above.

    None if there is no such call, or the text is no Python.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == function:
            found = {word.arg: _literal(word.value, names) for word in node.keywords if word.arg}
            return {key: value for key, value in found.items() if value is not UNKNOWN}
    return None


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _literal(node: ast.expr, names: dict[str, ast.expr], depth: int = 4) -> Any:
    if isinstance(node, ast.Name) and node.id in names and depth:
        return _literal(names[node.id], names, depth - 1)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return UNKNOWN
