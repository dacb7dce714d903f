"""Arithmetic on what certainly are integers, done once.

A local is an integer if every one of its bindings is: a number written out, an element of `range`, a length, or
arithmetic of integers. Adding, subtracting and multiplying such values cannot fail and has no effect, so it may be done
earlier and only once: above the first statement that needs it, or above a loop in which nothing of it changes.

Does not protect against: what `body` does not protect against; memory that runs out in the middle of a product.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .body import COMPREHENSIONS, SCOPES, Body
from .local_calls import short
from .speed_text import Move, instead, line_above, starts_its_line

_CLOSED = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr, ast.BitXor)
_TOTAL = (ast.Add, ast.Sub, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)
_COUNTED = frozenset({"len", "ord", "hash", "int"})
_LOOPS = (ast.For, ast.While)


def arithmetic_once(body: Body) -> Iterator[Move]:
    """Integer expressions that stand still in a loop, or come again in the statements that follow."""
    sure = integers(body)
    if not sure:
        return
    sums = (node for node in body.sites if isinstance(node, ast.BinOp))
    found = [node for node in sums if _total(body, node, sure) and body.in_own_scope(node)]
    taken: set[ast.AST] = set()
    for node in found:
        if node in taken or body.parents[node] in found:
            continue
        names = sorted({part.id for part in ast.walk(node) if isinstance(part, ast.Name)})
        place = _above_loop(body, node, names) or body.statement(node)
        same = [other for other in found if ast.dump(other) == ast.dump(node) and other not in taken]
        same = [other for other in same if _reaches(body, place, other, names)]
        looped = isinstance(place, _LOOPS) and _inside(body, node, place)
        if not starts_its_line(body.module.source, place) or not all(body.definite(name, place) for name in names):
            continue
        if len(same) > 1 or looped:
            taken.update(part for other in same for part in ast.walk(other))
            kept = body.fresh("_number")
            cuts = [line_above(place, f"{kept} = {ast.unparse(node)}"), *(instead(other, kept) for other in same)]
            yield Move(f"{short(node)} once", "arithmetic once", tuple(cuts), ())


def integers(body: Body) -> set[str]:
    """The locals that are integers whenever they have a value."""
    bindings = {name: _bindings(body, name) for name in body.locals - body.parameters if body.own(name)}
    sure = {name for name, values in bindings.items() if values}
    while True:
        less = {name for name in sure if all(_integer(body, value, sure) for value in bindings[name])}
        if less == sure:
            return sure
        sure = less


def _bindings(body: Body, name: str) -> list[ast.expr | None]:
    """What a local is bound to; None for a binding that says nothing about its type."""
    found: list[ast.expr | None] = []
    for node in body.names.get(name, ()):
        if isinstance(node.ctx, ast.Load):
            continue
        holder = body.parents[node]
        if isinstance(holder, ast.Assign) and (len(holder.targets) == 1 or isinstance(holder.value, ast.Constant)):
            found.append(holder.value)
        elif isinstance(holder, ast.AnnAssign):
            found += [holder.value] if holder.value is not None else []
        elif isinstance(holder, ast.AugAssign):
            found.append(holder.value if isinstance(holder.op, _CLOSED) else None)
        elif isinstance(holder, ast.For) and holder.target is node and _counts(body, holder.iter):
            found.append(ast.Constant(0))
        else:
            found.append(None)
    others = (
        ast.ExceptHandler,
        ast.MatchAs,
        ast.MatchStar,
        ast.FunctionDef,
        ast.ClassDef,
        ast.alias,
        ast.AsyncFunctionDef,
    )
    odd = any(isinstance(node, others) and name in _other_names(node) for node in body.nodes)
    return [None] if odd else found


def _other_names(node: ast.AST) -> set[str]:
    named = {getattr(node, field, None) for field in ("name", "asname")}
    return {str(name).partition(".")[0] for name in named if name}


def _counts(body: Body, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and body.builtin(node.func, "range")


def _integer(body: Body, node: ast.expr | None, sure: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    if isinstance(node, ast.Name):
        return node.id in sure
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, _CLOSED) and _integer(body, node.left, sure) and _integer(body, node.right, sure)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub | ast.UAdd | ast.Invert) and _integer(body, node.operand, sure)
    return isinstance(node, ast.Call) and body.builtin(node.func, *_COUNTED)


def _total(body: Body, node: ast.AST, sure: set[str]) -> bool:
    """Whether `node` is arithmetic of integer locals and numbers that cannot fail, with a local in it."""
    if not isinstance(node, ast.BinOp):
        return False
    parts = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
    plain = all(
        isinstance(part, ast.Name | ast.Constant) or (isinstance(part, ast.BinOp) and isinstance(part.op, _TOTAL))
        for part in parts
    )
    return plain and any(isinstance(part, ast.Name) for part in parts) and _integer(body, node, sure)


def _above_loop(body: Body, node: ast.AST, names: list[str]) -> ast.stmt | None:
    """The outermost loop around `node` that binds none of the names, if any."""
    best = None
    for holder in body.above(node):
        if isinstance(holder, _LOOPS):
            if _binds(holder, names):
                break
            if _inside(body, node, holder):
                best = holder
    return best


def _inside(body: Body, node: ast.AST, loop: ast.AST) -> bool:
    """Whether the loop evaluates `node` in every turn or more often, not only before the first."""
    assert isinstance(loop, _LOOPS)
    child: ast.AST = node
    for holder in body.above(node):
        if holder is loop:
            return child in loop.body or (isinstance(loop, ast.While) and child is loop.test)
        child = holder
    return False


def _binds(statement: ast.AST, names: list[str]) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id in names and not isinstance(part.ctx, ast.Load)
        for part in ast.walk(statement)
    )


def _reaches(body: Body, place: ast.stmt, other: ast.AST, names: list[str]) -> bool:
    """Whether what is computed above `place` still is the value of `other`: it comes later, and nothing was rebound."""
    child = other
    for holder in (other, *body.above(other)):
        if isinstance(holder, (*SCOPES, *COMPREHENSIONS)) and holder is not body.function:
            return False
        if holder is place:
            return not _binds(place, names)
        blocks = (getattr(holder, field, None) for field in ("body", "orelse", "finalbody"))
        block = next((one for one in blocks if isinstance(one, list) and place in one), None)
        if block is not None:
            at = next((i for i, item in enumerate(block) if item is child), -1)
            first = block.index(place)
            return at >= first and not any(_binds(item, names) for item in block[first : at + 1])
        child = holder
    return False
