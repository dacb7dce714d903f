"""Three rewrites of repeated work: hoist what stands still, test membership in a set, remember answers within one call.

Each proves from the source that nothing relevant changes while a loop runs, and leaves to a run-time check what the source
cannot tell: that values are plain data. Where the check fails, the pasted code does what the original did.

- hoist: the expression is still evaluated where it stood, the first time; only then is its value kept. A loop that never
  runs never evaluates it, and an expression that raises raises each time. Only immutable values are kept, except where the
  place of use cannot let the object out (`in`, iteration, reading an element): there a flat list or set will do.
- set membership: a frozenset is built before the loop if the container is a list or tuple of exact scalars, and used for
  exact scalars; for those, `in` on a list and on a set are the same, NaN included. Everything else goes to the list.
- call cache: answers of a pure function are kept in a dict that lives for one call, by value *and* type, only for scalar
  arguments (or flat tuples of them, no zero float, no NaN), and only immutable answers. An exception is never kept.

Does not protect against: what `purity` does not protect against; `python -b` warnings for `bytes` in a list of `str`;
a caller that passes the keyword `_memo`; memory: a cache holds one entry for each distinct call until the outer one ends.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .purity import CHEAP_BUILTINS
from .speed_regions import Site
from .speed_text import (
    HELPERS,
    Splice,
    after,
    before,
    instead,
    line_above,
    segment,
    starts_its_line,
    unused_name,
)

_COSTLY = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_HOISTABLE = (ast.Call, ast.ListComp, ast.SetComp, ast.DictComp, ast.BinOp, ast.UnaryOp, ast.Subscript)
_ITERATING = {"len", "sum", "any", "all", "min", "max", "sorted", "set", "list", "tuple", "frozenset"}


@dataclass(frozen=True)
class Move:
    """One rewrite, as text changes: what to tell a reader, which operator, the splices, the helpers they call."""

    title: str
    operator: str
    splices: tuple[Splice, ...]
    helpers: tuple[str, ...]


def hoists(site: Site) -> Iterator[Move]:
    """Evaluate loop-invariant pure expressions once, at the place and time where they are first needed."""
    if site.recursive:
        return
    groups: dict[tuple[ast.stmt, str, bool], list[ast.expr]] = {}
    taken: set[ast.AST] = set()
    for node in site.nodes_of(_HOISTABLE):
        kept = _named(getattr(site.scope.parents[node], "func", node), "_once")
        if node in taken or kept or not _costly(node) or not site.module.pure_expression(node, site.scope):
            continue
        region = site.region(node, site.free_names(node))
        if region is not None:
            taken.update(ast.walk(node))
            groups.setdefault((region, ast.dump(node), _stays_inside(site, node)), []).append(node)
    for (region, _, flat), nodes in groups.items():
        cell = unused_name(site.module.tree, "_kept")
        names = "".join(f", {name}" for name in site.free_names(nodes[0])) + ", flat=True" * flat
        splices = [line_above(region, f"{cell} = []")]
        for node in nodes:
            splices += [
                before(node, f"({cell}[0] if {cell} else _once({cell}, "),
                after(node, f"{names}))"),
            ]
        yield Move(f"evaluate {_short(nodes[0])} once", "hoist", tuple(splices), ("_once",))


def memberships(site: Site) -> Iterator[Move]:
    """Look scalars up in a set that is built once, where a list or tuple was searched again and again."""
    if site.recursive or not site.module.builtin("type", site.scope):
        return
    groups: dict[tuple[ast.stmt, str], list[ast.Compare]] = {}
    for node in site.nodes_of(ast.Compare):
        if not (
            isinstance(node, ast.Compare)
            and len(node.ops) == 1
            and isinstance(node.ops[0], ast.In | ast.NotIn)
        ):
            continue
        items = node.comparators[0]
        done = isinstance(items, ast.Name) and (items.id in HELPERS or _pasted(site.scope.parents[node]))
        if isinstance(items, ast.Name) and not done and not isinstance(node.left, ast.Constant):
            region = site.region(node, [items.id])
            if region is not None:
                groups.setdefault((region, items.id), []).append(node)
    for (region, items_name), nodes in groups.items():
        tree, source = site.module.tree, site.module.source
        members = unused_name(tree, f"_{items_name.strip('_')}_set")
        splices = [line_above(region, f"{members} = _hashed({items_name})")]
        for node in nodes:
            word = "in" if isinstance(node.ops[0], ast.In) else "not in"
            asked = first = segment(source, node.left)
            if not isinstance(node.left, ast.Name):
                asked = unused_name(tree, "_item")
                first = f"{asked} := ({first})"
            test = f"({asked} {word} {members} if type({first}) in _SCALARS else {asked} {word} {items_name})"
            splices.append(instead(node, test))
        yield Move(f"search a set of {items_name}", "set membership", tuple(splices), ("_hashed",))


def call_caches(site: Site) -> Iterator[Move]:
    """Remember the answers of a pure helper function for the length of one loop."""
    if site.recursive:
        return
    groups: dict[tuple[ast.stmt, str], list[ast.Call]] = {}
    for node in site.nodes_of(ast.Call):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or not _positional(node):
            continue
        name = node.func.id
        worth = (
            name in site.module.functions
            and name not in site.scope.locals
            and _works(site.module.functions[name])
        )
        if worth and site.module.pure_function(name):
            region = site.region(node, [])
            if region is not None:
                groups.setdefault((region, name), []).append(node)
    for (region, name), calls in groups.items():
        memo = unused_name(site.module.tree, "_memo")
        splices = [line_above(region, f"{memo} = {{}}"), *_remembered(site, calls, memo, "")]
        yield Move(
            f"remember answers of {name} during the loop", "call cache", tuple(splices), ("_key", "_keep")
        )


def recursion_caches(site: Site) -> Iterator[Move]:
    """Remember the answers of a pure recursive function until its outermost call returns."""
    function, module = site.function, site.module
    signature = function.args
    simple = not (signature.vararg or signature.kwarg or signature.kwonlyargs)
    nodes = site.nodes_of(ast.Call)
    calls = [node for node in nodes if isinstance(node, ast.Call) and _named(node.func, function.name)]
    mentions = [node for node in site.scope.nodes if _named(node, function.name)]
    if not (
        simple and signature.args and calls and len(mentions) == len(calls) and all(map(_positional, calls))
    ):
        return
    if not module.pure_function(function.name) or function.name in site.scope.locals:
        return
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body or not starts_its_line(module.source, body[0]) or body[0].lineno == function.lineno:
        return
    memo = unused_name(module.tree, "_memo")
    last = max(
        (node for node in ast.walk(signature) if isinstance(node, ast.expr | ast.arg)),
        key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0),
    )
    end = (last.end_lineno or 0, last.end_col_offset or 0)
    splices = [
        Splice(end, end, f", *, {memo}=None"),
        line_above(body[0], f"{memo} = {{}} if {memo} is None else {memo}"),
        *_remembered(site, calls, memo, f", {memo}={memo}"),
    ]
    title = f"remember answers of {function.name} within one call"
    yield Move(title, "recursion cache", tuple(splices), ("_key", "_keep"))


def _remembered(site: Site, calls: list[ast.Call], memo: str, extra: str) -> list[Splice]:
    """Turn each f(args) into a look-up that calls f itself, from the same frame, when the answer is not there."""
    tree = site.module.tree
    key, args = unused_name(tree, "_this"), unused_name(tree, "_args")
    splices = []
    for call in reversed(calls):  # inner calls first: their closing text comes before that of the outer ones
        name = segment(site.module.source, call.func)
        splices.append(instead(call.func, f"({memo}[{key}] if ({key} := _key({args} := "))
        if len(call.args) == 1:
            splices.append(after(call, ",", back=1))
        splices.append(after(call, f")) in {memo} else _keep({memo}, {key}, {name}(*{args}{extra})))"))
    return splices


def _costly(node: ast.expr) -> bool:
    """Whether evaluating `node` is likely to cost more than looking up a kept value."""
    for part in ast.walk(node):
        if isinstance(part, _COSTLY) or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)):
            return True
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Name)
            and part.func.id not in CHEAP_BUILTINS
        ):
            return True
    return False


def _stays_inside(site: Site, node: ast.expr) -> bool:
    """Whether a list or set that `node` gives is only looked at where it stands."""
    holder = site.scope.parents[node]
    if isinstance(holder, ast.Compare):
        return holder.comparators == [node] and isinstance(holder.ops[0], ast.In | ast.NotIn)
    if isinstance(holder, ast.For | ast.comprehension):
        return holder.iter is node
    if isinstance(holder, ast.Subscript):
        return holder.value is node and isinstance(holder.ctx, ast.Load)
    if isinstance(holder, ast.Call) and isinstance(holder.func, ast.Name):
        return (
            holder.args == [node]
            and holder.func.id in _ITERATING
            and site.module.builtin(holder.func.id, site.scope)
        )
    return False


def _works(function: ast.FunctionDef) -> bool:
    """Whether a function does more than a line of arithmetic."""
    return any(
        isinstance(node, ast.For | ast.While | ast.comprehension | ast.Call) for node in ast.walk(function)
    )


def _positional(call: ast.Call) -> bool:
    return (
        bool(call.args) and not call.keywords and not any(isinstance(item, ast.Starred) for item in call.args)
    )


def _pasted(node: ast.AST) -> bool:
    """Whether `node` is a conditional expression that an earlier edit wrote."""
    return isinstance(node, ast.IfExp) and any(
        isinstance(part, ast.Name) and part.id in HELPERS
        for side in (node.test, node.orelse)
        for part in ast.walk(side)
    )


def _named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _short(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 40 else text[:37] + "..."
