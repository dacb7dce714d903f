"""A small helper's statements above the statement that calls it first.

`x = helper(a, b)` becomes the helper's own statements with new names for everything that is local to it, and `x` gets
what it would have returned: an early `return` turns the rest into an `else`. Arguments are evaluated where the call
evaluated them; every local of the helper certainly has a value where it is read, so that nothing of an earlier turn of
a loop shows through.

Does not protect against: what `body` does not protect against.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence

from .body import COMPREHENSIONS, LOOKING, Body, mangled
from .local_calls import short
from .local_loops import instead_of
from .speed_text import Move, Splice, instead, line_above

_LARGEST = 90  # nodes of a helper
_MOST = 10  # statements
_ANSWER = "the answer"  # in the syntax tree only: it is no identifier, so nothing can have that name
_ALLOWED = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.If)
_NEVER = (
    ast.Lambda, ast.GeneratorExp, ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Starred, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Try, ast.TryStar, ast.With, ast.AsyncWith,
    ast.Import, ast.ImportFrom, ast.Delete, ast.Match, ast.AsyncFor, ast.For, ast.While,
)  # fmt: skip


def inlined_helpers(body: Body) -> Iterator[Move]:
    """Calls of small functions of the same module that are the first thing that their statement evaluates."""
    for node in body.sites:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
            continue
        name = node.func.id
        helper = body.module.functions.get(name)
        if helper is None or name == body.place or not body.global_once(name) or not body.in_own_scope(node):
            continue
        statement = body.first_evaluated(node)
        inner = _readable(body, helper)
        if statement is None or inner is None or any(isinstance(item, ast.Starred) for item in node.args):
            continue
        parameters = [item.arg for item in (*helper.args.posonlyargs, *helper.args.args)]
        if len(parameters) != len(node.args) or _clashes(body, inner):
            continue
        yield Move(f"{short(node)} in place", "inline", _cuts(body, inner, parameters, node, statement), ())


def _cuts(
    body: Body, inner: Body, parameters: Sequence[str], call: ast.Call, statement: ast.stmt
) -> tuple[Splice, ...]:
    """Put the helper's lines above the statement, or in its place where it only assigns or returns the answer."""
    whole = getattr(statement, "value", None) is call
    targets = statement.targets if isinstance(statement, ast.Assign) and whole else []
    named = targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None
    returned = whole and isinstance(statement, ast.Return)
    answer = "" if returned else named or body.fresh(f"_{inner.place.strip('_')}")
    lines = _lines(body, inner, parameters, call, answer)
    if returned or named or (whole and isinstance(statement, ast.Expr)):
        return (instead_of(body, statement, *lines),)
    return (line_above(statement, ("\n" + " " * statement.col_offset).join(lines)), instead(call, answer))


def _readable(body: Body, helper: ast.FunctionDef) -> Body | None:
    """The helper as a body, if it is of the kind that can be put in place of its call."""
    signature = helper.args
    odd = signature.vararg or signature.kwarg or signature.kwonlyargs or signature.defaults or helper.decorator_list
    if odd:
        return None
    try:
        inner = Body(body.module, helper.name)
    except (LookupError, ValueError):
        return None
    block = _statements(helper)
    parts = inner.nodes
    sound = not any(isinstance(part, _NEVER) for part in parts) and not inner.names.keys() & {*LOOKING, helper.name}
    sound = sound and not any(map(mangled, parts))
    if not sound or len(parts) > _LARGEST or sum(isinstance(part, ast.stmt) for part in parts) > _MOST:
        return None
    if not block or (len(block) == 1 and isinstance(block[0], ast.Return)) or not _shaped(block):
        return None
    reads = [part for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)]
    steps = [part.target for part in parts if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name)]
    local = [part for part in (*reads, *steps) if part.id in inner.locals]
    return inner if all(inner.definite(part.id, part) for part in local) else None


def _statements(helper: ast.FunctionDef) -> list[ast.stmt]:
    return helper.body[1:] if ast.get_docstring(helper) is not None else helper.body


def _shaped(block: Sequence[ast.stmt]) -> bool:
    """Whether every way through the block ends with a return of its own, and returns stand in plain branches only."""
    for number, statement in enumerate(block):
        if isinstance(statement, ast.Return):
            return statement.value is not None and number == len(block) - 1
        if not isinstance(statement, _ALLOWED):
            return False
        if any(isinstance(part, ast.Return) for part in ast.walk(statement)):
            if not isinstance(statement, ast.If) or not _shaped(statement.body):
                return False
            return _shaped([*statement.orelse, *block[number + 1 :]])
    return False


def _clashes(body: Body, inner: Body) -> bool:
    """Whether a global name of the helper means something else in the caller, or is bound more than once."""
    free = inner.names.keys() - inner.locals
    free = {name for name in free if not inner.bound_somewhere(name)}
    return any(
        body.bound_somewhere(name) or name in body.shared or len(body.module.bound_at.get(name, ())) > 1
        for name in free
    )


def _lines(body: Body, inner: Body, parameters: Sequence[str], call: ast.Call, answer: str) -> list[str]:
    """The helper's lines, after which `answer` holds what the call would have given; "": they return it."""
    new = {name: body.fresh(f"_{name.strip('_') or 'local'}") for name in sorted(inner.locals)}
    rebound = {node.id for nodes in inner.names.values() for node in nodes if not isinstance(node.ctx, ast.Load)}
    scoped = any(isinstance(node, COMPREHENSIONS) for node in inner.nodes)  # whose names could hide an argument's
    lines, kept = [], dict[str, ast.expr]()
    for parameter, argument in zip(parameters, call.args, strict=True):
        sure = not isinstance(argument, ast.Name) or (
            body.definite(argument.id, call) and not (scoped and inner.bound_somewhere(argument.id))
        )
        if body.stable(argument) and sure and parameter not in rebound:
            kept[parameter] = argument
        else:
            lines.append(f"{new[parameter]} = {ast.unparse(argument)}")
    block = [copy.deepcopy(statement) for statement in _statements(inner.function)]
    ends = _assigned(block, answer) if answer else block
    made = ast.Module([_Renamed(new, kept, answer).visit(item) for item in ends], [])
    return lines + ast.unparse(ast.fix_missing_locations(made)).split("\n")


def _assigned(block: Sequence[ast.stmt], answer: str) -> list[ast.stmt]:
    """The block with each return as an assignment, and what comes after an early one as its `else`."""
    made: list[ast.stmt] = []
    for number, statement in enumerate(block):
        if isinstance(statement, ast.Return):
            assert statement.value is not None
            return [*made, ast.Assign([ast.Name(_ANSWER, ast.Store())], statement.value)]
        if any(isinstance(part, ast.Return) for part in ast.walk(statement)):
            assert isinstance(statement, ast.If)
            rest = [*statement.orelse, *block[number + 1 :]]
            return [*made, ast.If(statement.test, _assigned(statement.body, answer), _assigned(rest, answer))]
        made.append(statement)
    return made


class _Renamed(ast.NodeTransformer):
    """Gives the helper's names new ones, and puts plain arguments in the place of parameters."""

    def __init__(self, new: dict[str, str], kept: dict[str, ast.expr], answer: str) -> None:
        self._new, self._kept = {**new, _ANSWER: answer}, kept

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._kept:
            return copy.deepcopy(self._kept[node.id])
        return ast.Name(self._new.get(node.id, node.id), node.ctx)
