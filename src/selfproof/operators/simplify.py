"""Every version of a function that is one step smaller: what a simplifier may try, one after the other.

A step deletes a statement, puts one of its operands in the place of an expression (``x * 1``, ``x + 0``, a double
cast, a choice between equals, identical branches), drops a call's last argument, or folds numbers into one. Nothing is
run here, and whether a step leaves the function's answers as they are is for the caller to find out by running it.
Text that no step touched keeps its comments and its layout.
"""

from __future__ import annotations

import ast
import copy
import math
import operator
from collections.abc import Callable, Iterator, Sequence

from selfproof.operators.constants import EditImpossible
from selfproof.operators.expressions import find_function, size_in, without_docstring

_FOLDED: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_KEPT_FIELDS = frozenset({"func", "slice", "targets", "target", "ctx", "keywords", "annotation"})


def smaller(source: str, function: str) -> list[str]:
    """Sources in which ``function`` is one step smaller, the smallest first; none is given twice.

    Empty where the function is missing, the source is no Python, or statements of its body share a line.
    """
    try:
        tree = ast.parse(source)
        found = find_function(tree, function)
    except (EditImpossible, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    _, body = without_docstring(found)
    lines = [line for s in body for line in {s.lineno, s.end_lineno or s.lineno}]
    if not body or found.lineno == body[0].lineno or len(set(lines)) < len(lines):
        return []
    before = size_in(tree, function)
    sizes: dict[str, int] = {}
    for place, statement in enumerate(body):
        for new in _steps(statement, alone=len(body) == 1):
            text = _spliced(source, body, place, new)
            if text not in sizes and (size := _size(text, function)) is not None and size < before:
                sizes[text] = size
    return sorted(sizes, key=lambda text: (sizes[text], text))


def _size(text: str, function: str) -> int | None:
    try:
        return size_in(ast.parse(text), function)
    except (EditImpossible, SyntaxError, ValueError):
        return None


def _spliced(source: str, body: Sequence[ast.stmt], place: int, new: Sequence[ast.stmt]) -> str:
    """The source with other statements in the place of one."""
    lines, old = source.splitlines(keepends=True), body[place]
    indent = " " * old.col_offset
    text = "".join(indent + line + "\n" for s in new for line in ast.unparse(s).splitlines())
    return "".join([*lines[: old.lineno - 1], text, *lines[old.end_lineno or old.lineno :]])


def _steps(statement: ast.stmt, *, alone: bool) -> Iterator[Sequence[ast.stmt]]:
    """What may stand in the place of a statement; ``alone``: it is the only one, and cannot go."""
    if not alone and not isinstance(statement, ast.Return):
        yield []
    if isinstance(statement, ast.If):
        yield statement.body
        if statement.orelse:
            yield statement.orelse
    for count, node in enumerate(ast.walk(statement)):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                for index, child in enumerate(value):
                    for new in _instead(child, field, alone=len(value) == 1):
                        yield [_with(statement, count, field, index, new)]
                if isinstance(node, ast.Call) and field == "args" and value:
                    yield [_with(statement, count, field, len(value) - 1, [])]
            else:
                for new in _instead(value, field, alone=True):
                    yield [_with(statement, count, field, None, new)]


def _instead(child: object, field: str, *, alone: bool) -> Iterator[Sequence[ast.AST]]:
    """What may stand in the place of a child in a field."""
    if isinstance(child, ast.stmt):
        if not alone:
            yield []
    elif isinstance(child, ast.keyword):
        yield []
    elif isinstance(child, ast.expr) and field not in _KEPT_FIELDS:
        yield from ([part] for part in _parts(child))


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """The smaller expressions that could take an expression's place."""
    if isinstance(node, ast.BinOp) and (folded := _folded(node)) is not None:
        yield folded
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.expr) and field not in _KEPT_FIELDS - {"keywords"}:
                yield child
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # x.astype(...): x
        yield node.func.value


def _folded(node: ast.BinOp) -> ast.expr | None:
    """The number that two numbers make, exactly as Python would at run time."""
    apply, left, right = _FOLDED.get(type(node.op)), _value(node.left), _value(node.right)
    if apply is None or left is None or right is None:
        return None
    try:
        found = apply(left, right)
    except (ArithmeticError, TypeError):
        return None
    if not isinstance(found, int | float) or not math.isfinite(found):
        return None
    negative = math.copysign(1.0, found) < 0
    return ast.UnaryOp(ast.USub(), ast.Constant(-found)) if negative else ast.Constant(found)


def _value(node: ast.expr) -> float | None:
    """A plain number, or minus one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand)
        return None if inner is None else -inner
    plain = isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return node.value if plain else None  # type: ignore[attr-defined]


def _with(statement: ast.stmt, count: int, field: str, index: int | None, new: Sequence[ast.AST]) -> ast.stmt:
    """A copy of a statement with something else in one place: the ``count``-th node of a walk, a field, an index."""
    fresh = copy.deepcopy(statement)
    node = next(found for at, found in enumerate(ast.walk(fresh)) if at == count)
    if index is None:
        setattr(node, field, copy.deepcopy(new[0]))
    else:
        getattr(node, field)[index : index + 1] = copy.deepcopy(list(new))
    return fresh
