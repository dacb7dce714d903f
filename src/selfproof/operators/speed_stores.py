"""What a function stores where: lists that only grow, containers of numbers, containers made in the call.

Does not protect against: containers that are not plain data; a caller's list is never taken for one made
here.
"""

from __future__ import annotations

import ast

from .speed_names import CHANGING_METHODS, is_name, number
from .speed_scope import Scope

_IN_PLACE_FREE = (ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift)


def maker(scope: Scope, node: ast.expr) -> str | None:
    """The local name through which `node` is a container made in this call; None if it may be older.

    That is a name bound only to new objects, or an element of a private list of new lists.
    """
    if isinstance(node, ast.Name) and scope.made_here(node.id):
        return node.id
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and _holds_new(scope, node.value.id):
        return f"{node.value.id}[]"
    return None


def only_grows(scope: Scope, name: str) -> ast.Assign | ast.AnnAssign | None:
    """The one assignment of a private name whose list is only ever appended to, else None."""
    made: list[ast.Assign | ast.AnnAssign] = []
    for node in scope.nodes:
        if isinstance(node, ast.Attribute) and is_name(node.value, name):
            if node.attr in CHANGING_METHODS - {"append", "extend"}:
                return None
        elif isinstance(node, ast.Subscript) and is_name(node.value, name):
            if not isinstance(node.ctx, ast.Load):
                return None
        elif isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            holder = scope.parents[node]
            if isinstance(holder, ast.Assign | ast.AnnAssign) and holder.value is not None:
                made.append(holder)
            elif not (isinstance(holder, ast.AugAssign) and isinstance(holder.op, ast.Add)):
                return None
    return made[0] if len(made) == 1 and scope.private(name) else None


def counter(scope: Scope, name: str) -> bool:
    """Whether `name` starts as a number or text and only grows by += or -=: it is never a container."""
    values = scope.values.get(name, [])
    starts = {type(value.value) for value in values if isinstance(value, ast.Constant)}
    steps = (node for node in scope.nodes if isinstance(node, ast.AugAssign) and is_name(node.target, name))
    return (
        name not in scope.parameters
        and all(isinstance(value, ast.Constant) for value in values)
        and starts <= {int, float, str}
        and all(isinstance(step.op, ast.Add | ast.Sub) for step in steps)
    )


def holds_numbers(scope: Scope, name: str) -> bool:
    """Whether the elements of the private container `name` are numbers, by every store there is."""
    for node in scope.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_name(node.func.value, name):
            if node.func.attr in CHANGING_METHODS:
                return False
        elif isinstance(node, ast.Assign) and any(_stores_into(target, name) for target in node.targets):
            if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Subscript) or not number(node.value):
                return False
        elif isinstance(node, ast.AugAssign):
            if _stores_into(node.target, name) and not isinstance(node.op, ast.Add | ast.Sub):
                return False
            if is_name(node.target, name):
                return False
        elif isinstance(node, ast.For | ast.comprehension | ast.AnnAssign) and _stores_into(node.target, name):
            return False
    return scope.private(name) and all(_numbers(value) for value in scope.values[name])


def in_place_free(node: ast.AugAssign) -> bool:
    """Whether the augmented assignment cannot change the list, set or dict that its target holds."""
    if isinstance(node.op, _IN_PLACE_FREE):
        return True
    return isinstance(node.op, ast.Add | ast.Sub) and number(node.value)


def _holds_new(scope: Scope, name: str) -> bool:
    """Whether every element of the private list `name` is a new list, set or dict: it is never stored into."""
    for node in scope.nodes:
        if isinstance(node, ast.Attribute) and is_name(node.value, name) and node.attr in CHANGING_METHODS:
            return False
        if isinstance(node, ast.Subscript) and is_name(node.value, name) and not isinstance(node.ctx, ast.Load):
            return False
        if isinstance(node, ast.AugAssign) and is_name(node.target, name):
            return False
    return scope.private(name) and all(map(_new_elements, scope.values[name]))


def _stores_into(target: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Subscript) and is_name(node.value, name) for node in ast.walk(target))


def _numbers(node: ast.expr | None) -> bool:
    """Whether `node` builds a list or dict of numbers: [0] * n, [0.0 for ...], {}, {k: 0 for ...}."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return any(isinstance(side, ast.List) and _numbers(side) for side in (node.left, node.right))
    if isinstance(node, ast.List):
        return all(map(number, node.elts))
    if isinstance(node, ast.Dict):
        return all(map(number, node.values))
    if isinstance(node, ast.ListComp):
        return number(node.elt)
    return isinstance(node, ast.DictComp) and number(node.value)


def _new_elements(node: ast.expr | None) -> bool:
    """Whether `node` is [[...] for ...] or [[...], {...}]: a new list of new containers."""
    new = (ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)
    if isinstance(node, ast.ListComp):
        product = isinstance(node.elt, ast.BinOp) and isinstance(node.elt.left, ast.List)
        return product or isinstance(node.elt, new)
    return isinstance(node, ast.List) and all(isinstance(item, new) for item in node.elts)
