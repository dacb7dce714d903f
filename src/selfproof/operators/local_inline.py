"""A tiny helper's expression in the place of its call, and patterns compiled once.

- inline: a call of a top-level function whose whole body is `return EXPRESSION`, with plain arguments. Each argument
  is evaluated once, in the same order, before anything else of the expression; what is no plain local gets a name at
  the place of its first use. The expression makes only calls that are known.
- pattern: `re.match("...", text)` and its relatives, with a pattern that is written out, on a pattern that the module
  compiles once when it is loaded. That is not the load's work moved there: the first call did the same before.

Does not protect against: what `body` does not protect against.
"""

from __future__ import annotations

import ast
import copy
import functools
import operator
import re
import warnings
from collections.abc import Iterator

from .body import LOOKING, SCOPES, Body, mangled
from .local_calls import short
from .speed_globals import Globals
from .speed_text import Move, instead, segment

_LARGEST = 40  # nodes of an expression that is worth repeating
_PLAIN = (
    ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Subscript, ast.Slice,
    ast.Attribute, ast.Call, ast.Tuple, ast.List, ast.JoinedStr, ast.FormattedValue, ast.operator, ast.unaryop,
    ast.boolop, ast.cmpop, ast.expr_context, ast.keyword,
)  # fmt: skip
_ARGUMENTS = {
    "compile": 1,
    "match": 2,
    "fullmatch": 2,
    "search": 2,
    "findall": 2,
    "finditer": 2,
    "split": 2,
    "sub": 3,
    "subn": 3,
}
"""Functions of `re` with the number of their arguments that are given by position in every version."""
_LONGEST_PATTERN = 500


def inlined_calls(body: Body) -> Iterator[Move]:
    """Calls of one-line helpers of the same module."""
    for node in body.sites:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
            continue
        name = node.func.id
        helper = body.module.functions.get(name)
        if helper is None or not body.global_once(name) or name == body.place or not _in_function(body, node):
            continue
        text = _expanded(body, node, helper)
        if text:
            yield Move(f"{short(node)} written out", "inline", (instead(node, text),), ())


def _in_function(body: Body, node: ast.Call) -> bool:
    """Whether no lambda, class or nested function is around the call: their names live in another way."""
    return not any(isinstance(item, SCOPES) for item in body.above(node) if item is not body.function)


def _expanded(body: Body, call: ast.Call, helper: ast.FunctionDef) -> str | None:
    made = _expression(body.module, helper)
    if made is None or any(isinstance(item, ast.Starred) for item in call.args):
        return None
    expression, parameters = made
    if len(parameters) != len(call.args) or _clashes(body, expression, parameters):
        return None
    values: dict[str, ast.expr] = {}
    named: list[str] = []
    for parameter, argument in zip(parameters, call.args, strict=True):
        plain = body.stable(argument) and (not isinstance(argument, ast.Name) or body.definite(argument.id, call))
        if plain:
            values[parameter] = argument
        elif any(
            isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) for part in ast.walk(argument)
        ):
            return None
        else:
            named.append(parameter)
            values[parameter] = argument
    if named and not (body.may_bind(call) and _in_order(_first_uses(expression), named, parameters)):
        return None
    read = [part.id for part in ast.walk(expression) if isinstance(part, ast.Name)]
    again = [name for name in named if read.count(name) > 1]
    return f"({ast.unparse(_Put(body, values, again).visit(copy.deepcopy(expression)))})"


def _expression(module: Globals, helper: ast.FunctionDef) -> tuple[ast.expr, list[str]] | None:
    """What a helper returns, and its parameters; None if it is more than an expression of the allowed kind."""
    statements = helper.body[1:] if ast.get_docstring(helper) is not None else helper.body
    signature = helper.args
    odd = signature.vararg or signature.kwarg or signature.kwonlyargs or signature.defaults or helper.decorator_list
    if odd or len(statements) != 1 or not isinstance(statements[0], ast.Return) or statements[0].value is None:
        return None
    expression = statements[0].value
    parts = list(ast.walk(expression))
    if len(parts) > _LARGEST or not all(isinstance(part, _PLAIN) for part in parts):
        return None
    parameters = [item.arg for item in (*signature.posonlyargs, *signature.args)]
    free = {part.id for part in parts if isinstance(part, ast.Name)} - set(parameters)
    if (
        free & (LOOKING | {helper.name})
        or any(map(mangled, parts))
        or any(len(module.bound_at.get(name, ())) > 1 for name in free)
    ):
        return None
    return expression, parameters


def _clashes(body: Body, expression: ast.expr, parameters: list[str]) -> bool:
    """Whether a global name of the helper's expression means something else here."""
    free = {part.id for part in ast.walk(expression) if isinstance(part, ast.Name)} - set(parameters)
    return any(body.bound_somewhere(name) or name in body.shared for name in free)


def _in_order(uses: list[str], named: list[str], parameters: list[str]) -> bool:
    """Whether the arguments that get names are evaluated in their order, and nothing but parameters is read before."""
    last = max((uses.index(name) for name in named if name in uses), default=-1)
    before = uses[: last + 1]
    return [name for name in before if name in named] == named and set(before) <= set(parameters)


def _first_uses(expression: ast.expr) -> list[str]:
    """The names that the expression certainly reads, in order, before it does anything but reading them."""
    found: dict[str, None] = {}

    def read(node: ast.expr) -> bool:
        """Whether reading may go on after `node`: it was nothing but a name or a constant."""
        if isinstance(node, ast.Name):
            found.setdefault(node.id)
        if isinstance(node, ast.Name | ast.Constant):
            return True
        all(map(read, _read_first(node)))
        return False

    read(expression)
    return list(found)


def _read_first(node: ast.expr) -> list[ast.expr]:
    """The operands that `node` evaluates one after the other before it does anything itself."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]]
    if isinstance(node, ast.Subscript):
        return [node.value, node.slice]
    if isinstance(node, ast.Tuple | ast.List):
        return node.elts
    if isinstance(node, ast.Call):
        return list(node.args) if isinstance(node.func, ast.Name) else [node.func]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Attribute):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [node.test]
    return node.values[:1] if isinstance(node, ast.BoolOp) else []


class _Put(ast.NodeTransformer):
    """Puts arguments where the parameters were; the first use of one that is no plain local gets a name."""

    def __init__(self, body: Body, values: dict[str, ast.expr], named: list[str]) -> None:
        self._values, self._named = values, {name: body.fresh(f"_{name.strip('_')}") for name in named}
        self._met: set[str] = set()

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._values:
            return node
        if node.id not in self._named:
            return copy.deepcopy(self._values[node.id])
        name = self._named[node.id]
        if node.id in self._met:
            return ast.Name(name, ast.Load())
        self._met.add(node.id)
        return ast.NamedExpr(ast.Name(name, ast.Store()), copy.deepcopy(self._values[node.id]))


# -- patterns ----------------------------------------------------------------------------------------------------------


def compiled_patterns(body: Body) -> Iterator[Move]:
    """Functions of `re` with a pattern that is written out."""
    for node in body.sites:
        callee = node.func if isinstance(node, ast.Call) else None
        if not (isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name) and callee.value.id == "re"):
            continue
        assert isinstance(node, ast.Call)
        if callee.attr not in _ARGUMENTS or not _imports_re(body) or not _plain_call(node, _ARGUMENTS[callee.attr]):
            continue
        named = [item for item in node.keywords if item.arg != "flags"]
        flags = next((ast.unparse(item.value) for item in node.keywords if item.arg == "flags"), "")
        pattern, kept = segment(body.module.source, node.args[0]), node.args[1:]
        if not _compiles(node.args[0], flags):
            continue
        constant = body.fresh("_PATTERN")
        more = [segment(body.module.source, item) for item in kept]
        more += [f"{item.arg}={segment(body.module.source, item.value)}" for item in named]
        made = f"{constant} = re.compile({pattern}{flags and ', ' + flags})"
        text = constant if callee.attr == "compile" else f"{constant}.{callee.attr}({', '.join(more)})"
        yield Move(f"compile once: {short(node)}", "compiled pattern", (instead(node, text),), (), (made,))


def _imports_re(body: Body) -> bool:
    """Whether `re` is the standard library's, imported among the statements at the top of the module."""
    if not body.global_once("re"):
        return False
    origin = body.module.bound_at["re"][0]
    plain = isinstance(origin, ast.Import) and any(item.name == "re" and item.asname is None for item in origin.names)
    for number, statement in enumerate(body.module.tree.body):
        if statement is origin:
            return plain
        docstring = number == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (docstring or isinstance(statement, ast.Import | ast.ImportFrom)):
            return False
    return False


def _plain_call(node: ast.Call, most: int) -> bool:
    """Whether the arguments are so that those behind the pattern mean the same to the pattern's own method."""
    clear = not any(isinstance(item, ast.Starred) for item in node.args) and all(item.arg for item in node.keywords)
    return clear and min(2, most) <= len(node.args) <= most and not any(item.arg == "pattern" for item in node.keywords)


def _compiles(pattern: ast.expr, flags: str) -> bool:
    """Whether the pattern is written out, with flags by name, and compiles without a warning."""
    if not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str | bytes):
        return False
    if len(pattern.value) > _LONGEST_PATTERN or re.fullmatch(r"(re\.[A-Z]+( \| re\.[A-Z]+)*)?", flags) is None:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            chosen = [re.RegexFlag[name.removeprefix("re.")] for name in flags.split(" | ") if name]
            every = functools.reduce(operator.or_, chosen, re.RegexFlag(0))
            if every & re.DEBUG:  # it is to print whenever it is compiled
                return False
            return not re.compile(pattern.value, every).flags & re.LOCALE
        except (re.error, Warning, RecursionError, OverflowError, KeyError, ValueError):
            return False
