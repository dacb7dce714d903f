"""Rules that an improver wrote, evaluated in the engine without ever being executed as Python. Trusted code.

A rule is one function of arithmetic: names bound once or more, then a return. Its text is parsed, never compiled or
run: every node must be of a kind listed here, and becomes a NumPy operation on float64 arrays. There are no
attributes but ``np.`` with a name of the table, no keywords, no strings, no integers (a number is a float64), no
comparisons, loops or subscripts, so a rule can reach nothing, and its work is bounded by its nodes times the sizes of
the arguments.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfproof.operators.anatomy import structure_of

LONGEST = 4000
"""Characters of a rule's text."""
MOST_NODES = 120
DEEPEST = 40
"""Levels of an expression: each is a call of ours when it is evaluated."""

Value = Any  # a float64 scalar or array
Scope = dict[str, Value]
Step = Callable[[Scope], Value]

BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide,
}  # fmt: skip
CALLS: dict[str, tuple[int, Callable[..., Value]]] = {
    "sqrt": (1, np.sqrt), "log1p": (1, np.log1p), "abs": (1, np.abs), "exp": (1, np.exp), "tanh": (1, np.tanh),
    "maximum": (2, np.maximum), "minimum": (2, np.minimum),
}  # fmt: skip


class NoRule(ValueError):
    """A text that is no rule: not Python, or more than arithmetic."""


@dataclass(frozen=True)
class Rule:
    """A rule as steps. ``form`` is its code without layout, ``structure`` without its numbers, ``size`` its nodes."""

    steps: tuple[tuple[str, Step], ...]
    form: str
    structure: str
    size: int

    def __call__(self, scope: Scope) -> Value:
        """Its value where the arguments have these values; the caller says what becomes of nan and infinity."""
        local = dict(scope)
        for name, step in self.steps:
            local[name] = step(local)
        return local[""]


def read(text: str, function: str, arguments: tuple[str, ...]) -> Rule:
    """The rule in ``text``, a file with nothing but ``def function(arguments)``.

    Raises:
        NoRule: it is none; the message says why.
    """
    if len(text) > LONGEST:
        raise NoRule(f"longer than {LONGEST} characters")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NoRule(f"no Python: {type(error).__name__}") from None
    body = _body(tree, function, arguments)
    known, steps, size = set(arguments), [], 0
    for place, statement in enumerate(body):
        last = place == len(body) - 1
        name, value = _statement(statement, last=last)
        size += sum(isinstance(node, ast.expr) for node in ast.walk(value))
        if size > MOST_NODES:
            raise NoRule(f"more than {MOST_NODES} nodes")
        steps.append((name, _step(value, known, DEEPEST)))
        known.add(name)
    tree.body[0].body = body  # type: ignore[attr-defined]  # without its docstring, as improvers take forms
    form = ast.dump(tree)
    return Rule(tuple(steps), form, structure_of(form), size)


def _body(tree: ast.Module, function: str, arguments: tuple[str, ...]) -> list[ast.stmt]:
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef) or tree.body[0].name != function:
        raise NoRule(f"not one function {function}")
    found = tree.body[0]
    given = found.args
    plain = not (given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or given.defaults)
    bare = not (found.decorator_list or found.returns or any(one.annotation for one in given.args))
    if not (plain and bare) or tuple(one.arg for one in given.args) != arguments:
        raise NoRule("other arguments")
    first = found.body[0]
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return found.body[1:] if told else found.body


def _statement(statement: ast.stmt, *, last: bool) -> tuple[str, ast.expr]:
    """The name that it gives ("" is what the rule returns) and the expression."""
    if last and isinstance(statement, ast.Return) and statement.value is not None:
        return "", statement.value
    if not last and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return target.id, statement.value
    raise NoRule(f"a statement that is no arithmetic: {type(statement).__name__}")


def _step(node: ast.expr, known: set[str], room: int) -> Step:
    if room == 0:
        raise NoRule("nested too deeply")
    if isinstance(node, ast.Name):
        if node.id not in known or not node.id:
            raise NoRule("a name that has no value")
        name = node.id
        return lambda scope: scope[name]
    if isinstance(node, ast.Constant):
        number = _number(node.value)
        return lambda scope: number
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        below = _step(node.operand, known, room - 1)
        return lambda scope: np.negative(below(scope))
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        do, left, right = BINARY[type(node.op)], _step(node.left, known, room - 1), _step(node.right, known, room - 1)
        return lambda scope: do(left(scope), right(scope))
    if isinstance(node, ast.Call):
        return _call(node, known, room)
    raise NoRule(f"no arithmetic: {type(node).__name__}")


def _call(node: ast.Call, known: set[str], room: int) -> Step:
    called = node.func
    if not (isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "np"):
        raise NoRule("a call of what is not np.")
    wanted, do = CALLS.get(called.attr, (0, np.abs))
    if not wanted or node.keywords or len(node.args) != wanted or "np" in known:
        raise NoRule("a call that is not in the table")
    steps = [_step(one, known, room - 1) for one in node.args]
    if wanted == 1:
        (one,) = steps
        return lambda scope: do(one(scope))
    left, right = steps
    return lambda scope: do(left(scope), right(scope))


def _number(value: object) -> np.float64:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NoRule("a constant that is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise NoRule("a number that is not finite")
    return np.float64(number)
