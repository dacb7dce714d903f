"""Rewrites of repeated work: evaluate once what stands still, and search sets in place of lists.

Each proves from the source that nothing relevant changes while a loop runs, and leaves to a run-time check
what the source cannot tell: that values are plain data. Where the check fails, the pasted code does what
the original did.

- hoist: the expression is evaluated where it stood, the first time; only then is its value kept. A loop
  that never runs never evaluates it, and an expression that raises raises each time. Only immutable values
  are kept, except where the place of use cannot let the object out (`in`, iteration, an element), or it gets
  a name of which that holds everywhere: there a flat list or set will do.
- set membership: a frozenset is built before the loop if the container is a list or tuple of exact scalars,
  and asked for exact scalars; for those, `in` on a list and on a set agree, NaN included. All else goes to
  the list. Beside a list that is searched while it grows, and only grows, a set is kept that follows it.

Does not protect against: what `purity` does not protect against; `python -b` warnings for `bytes` in a list
of `str`; a stack that ends exactly one frame below the edited function.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .purity import CHEAP_BUILTINS
from .speed_names import READING_METHODS, is_name
from .speed_regions import Site
from .speed_stores import only_grows
from .speed_text import (
    HELPERS,
    Move,
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


def hoists(site: Site) -> Iterator[Move]:
    """Evaluate loop-invariant pure expressions once, at the place and time where they are first needed."""
    if site.recursive:
        return
    groups: dict[tuple[ast.stmt, str, bool], list[ast.expr]] = {}
    taken: set[ast.AST] = set()
    for node in site.nodes_of(_HOISTABLE):
        kept = is_name(getattr(site.scope.parents[node], "func", node), "_once")
        if node in taken or kept or not _costly(node) or not site.module.pure_expression(node, site.scope):
            continue
        region = site.region(node, site.free_names(node))
        if region is not None:
            taken.update(ast.walk(node))
            flat = _stays_inside(site, node) or _only_read(site, node)
            groups.setdefault((region, ast.dump(node), flat), []).append(node)
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
    for node, name in _searches(site):
        region = site.region(node, [name])
        if region is not None and not _pasted(site.scope.parents[node]):
            groups.setdefault((region, name), []).append(node)
    for (region, name), nodes in groups.items():
        tree, source = site.module.tree, site.module.source
        members = unused_name(tree, f"_{name.strip('_')}_set")
        splices = [line_above(region, f"{members} = _hashed({name})")]
        for node in nodes:
            word = "in" if isinstance(node.ops[0], ast.In) else "not in"
            asked = first = segment(source, node.left)
            if not isinstance(node.left, ast.Name):
                asked = unused_name(tree, "_item")
                first = f"{asked} := ({first})"
            test = f"({asked} {word} {members} if type({first}) in _SCALARS else {asked} {word} {name})"
            splices.append(instead(node, test))
        yield Move(f"search a set of {name}", "set membership", tuple(splices), ("_hashed",))


def growing_memberships(site: Site) -> Iterator[Move]:
    """Keep a set beside a list that is searched while it grows."""
    if site.recursive:
        return
    groups: dict[str, list[ast.Compare]] = {}
    for node, name in _searches(site):
        if site.repeated(node):
            groups.setdefault(name, []).append(node)
    for name, nodes in groups.items():
        made = only_grows(site.scope, name)
        if made is None or not starts_its_line(site.module.source, made):
            continue
        index = unused_name(site.module.tree, f"_{name.strip('_')}_index")
        splices = [line_above(made, f"{index} = [set(), 0]")]
        for node in nodes:
            word = "" if isinstance(node.ops[0], ast.In) else "not "
            asked = segment(site.module.source, node.left)
            splices.append(instead(node, f"({word}_found(({asked}), {name}, {index}))"))
        yield Move(f"keep a set beside {name}", "set membership", tuple(splices), ("_found",))


def _costly(node: ast.expr) -> bool:
    """Whether evaluating `node` is likely to cost more than looking up a kept value."""
    for part in ast.walk(node):
        if isinstance(part, _COSTLY) or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)):
            return True
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id not in CHEAP_BUILTINS:
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
            holder.args == [node] and holder.func.id in _ITERATING and site.module.builtin(holder.func.id, site.scope)
        )
    return False


def _only_read(site: Site, node: ast.expr) -> bool:
    """Whether the object that `node` gives gets a name of its own, by which nothing can change it or let it out."""
    scope, holder = site.scope, site.scope.parents[node]
    if not (isinstance(holder, ast.Assign) and holder.value is node and isinstance(holder.targets[0], ast.Name)):
        return False
    name = holder.targets[0].id
    uses = [use for use in scope.nodes if isinstance(use, ast.Name) and use.id == name]
    return scope.private(name) and all(_reads(scope.parents[use], use) for use in uses)


def _reads(holder: ast.AST, use: ast.Name) -> bool:
    """Whether a use of a private name leaves its object as it is."""
    if isinstance(use.ctx, ast.Store):
        return isinstance(holder, ast.Assign)
    if isinstance(holder, ast.Attribute):
        return holder.attr in READING_METHODS
    return not isinstance(holder, ast.Subscript) or isinstance(holder.ctx, ast.Load)


def _searches(site: Site) -> Iterator[tuple[ast.Compare, str]]:
    """Each `something in name` of the function."""
    for node in site.nodes_of(ast.Compare):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            items = node.comparators[0]
            constant = isinstance(node.left, ast.Constant)
            if isinstance(items, ast.Name) and items.id not in HELPERS and not constant:
                yield node, items.id


def _pasted(node: ast.AST) -> bool:
    """Whether `node` is a conditional expression that an earlier edit wrote."""
    return isinstance(node, ast.IfExp) and any(
        isinstance(part, ast.Name) and part.id in HELPERS
        for side in (node.test, node.orelse)
        for part in ast.walk(side)
    )


def _short(node: ast.expr) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 40 else text[:37] + "..."
