"""What a function builds anew in each call although it never differs.

- table: a local that displays constants and is only asked (`in`, `[...]`, `.get`) is made once, by the module.
- cast: `cast(Kind, value)` of `typing` is its value; the name of the kind is no longer read.
- copied twice: `sorted(list(xs))` is `sorted(xs)`, which makes its own list, and `list(sorted(xs))` is too.

Does not protect against: what `body` does not protect against.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .body import Body
from .local_calls import short
from .speed_text import Move, instead, segment, whole_line

_LEAST = 3  # entries of a table
_COPYING = frozenset({"sorted", "list"})


def tables(body: Body) -> Iterator[Move]:
    """Locals that hold the same constants in each call and are only asked."""
    for node in body.sites:
        value = node.value if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if value is None or not _constant(value) or not body.in_own_scope(node):
            continue
        assert isinstance(node, ast.Assign)
        target = node.targets[0]
        gone = whole_line(body.module.source, node)
        if not isinstance(target, ast.Name) or gone is None or not _only_asked(body, target, node):
            continue
        name = body.fresh(f"_{target.id.strip('_').upper()}")
        uses = [use for use in body.names[target.id] if use is not target]
        cuts = (gone, *(instead(use, name) for use in uses))
        made = f"{name} = {segment(body.module.source, value)}"
        yield Move(f"{target.id} is made once", "table", cuts, (), (made,))


def _constant(value: ast.expr) -> bool:
    """Whether `value` displays a set or dict of constants, large enough to be worth it."""
    if isinstance(value, ast.Set):
        return len(value.elts) >= _LEAST and all(isinstance(item, ast.Constant) for item in value.elts)
    if isinstance(value, ast.Dict) and len(value.keys) >= _LEAST:
        return all(isinstance(item, ast.Constant) for item in (*value.keys, *value.values))
    return False


def _only_asked(body: Body, target: ast.Name, node: ast.Assign) -> bool:
    """Whether nothing can change the table, keep it, or ask it before it is made."""
    uses = [use for use in body.names[target.id] if use is not target]
    block = getattr(body.parents[node], "body", [])
    alone = len(block) > 1 if isinstance(block, list) else False
    reached = alone and set(uses) <= set(body.sites)
    return bool(uses) and reached and body.own(target.id) and all(_asks(body, use) for use in uses)


def _asks(body: Body, use: ast.Name) -> bool:
    holder = body.parents[use]
    if not isinstance(use.ctx, ast.Load) or not body.definite(use.id, use):
        return False
    if isinstance(holder, ast.Compare):
        return all(isinstance(op, ast.In | ast.NotIn) for op in holder.ops) and holder.comparators == [use]
    if isinstance(holder, ast.Subscript):
        return holder.value is use and isinstance(holder.ctx, ast.Load)
    called = body.parents[holder]
    return isinstance(holder, ast.Attribute) and holder.attr == "get" and isinstance(called, ast.Call)


def casts(body: Body) -> Iterator[Move]:
    """`cast(Kind, value)` as the value."""
    for node in body.sites:
        if not isinstance(node, ast.Call) or len(node.args) != 2 or node.keywords or not _is_cast(body, node.func):
            continue
        kind, value = node.args
        named = isinstance(kind, ast.Constant) or (isinstance(kind, ast.Name) and _settled(body, kind.id))
        if named and not isinstance(value, ast.Starred):
            yield Move(f"no {short(node)}", "cast", (instead(node, f"({segment(body.module.source, value)})"),), ())


def _is_cast(body: Body, callee: ast.expr) -> bool:
    if not isinstance(callee, ast.Name) or not body.global_once(callee.id):
        return False
    origin = body.module.bound_at[callee.id][0]
    return isinstance(origin, ast.ImportFrom) and origin.module == "typing" and origin.level == 0 and any(
        item.name == "cast" and (item.asname or item.name) == callee.id for item in origin.names
    )  # fmt: skip


def _settled(body: Body, name: str) -> bool:
    """Whether reading the name can have no effect: a builtin, or bound once by a plain statement of the module."""
    if body.builtin(ast.Name(name, ast.Load()), name):
        return True
    return body.global_once(name) and body.module.bound_at[name][0] in body.module.tree.body


def copies(body: Body) -> Iterator[Move]:
    """A list that is made only to be copied at once."""
    for node in body.sites:
        if not isinstance(node, ast.Call) or not body.builtin(node.func, *_COPYING) or len(node.args) != 1:
            continue
        inner = node.args[0]
        plain = isinstance(inner, ast.Call) and len(inner.args) == 1 and not isinstance(inner.args[0], ast.Starred)
        if not plain or not isinstance(inner, ast.Call):
            continue
        outer = node.func.id  # type: ignore[attr-defined]
        if body.builtin(inner.func, "list") and not inner.keywords and not (node.keywords and outer != "sorted"):
            cut = instead(inner, segment(body.module.source, inner.args[0]))
        elif outer == "list" and body.builtin(inner.func, "sorted") and not node.keywords:
            cut = instead(node, segment(body.module.source, inner))
        else:
            continue
        if not any(not isinstance(item.value, ast.Constant | ast.Lambda) for item in node.keywords):
            yield Move(f"one copy for {short(node)}", "copied twice", (cut,), ())
