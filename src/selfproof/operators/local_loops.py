"""Loops that build one thing, written as what builds it: a comprehension, a plain loop for `any`, a counter's own loop.

- comprehension: a loop whose body only fills a list, set or dict that was made empty right before, perhaps after
  `continue` guards and names for parts, becomes a comprehension. Elements, conditions and exceptions come in the same
  order; nothing may look at the container meanwhile, or at the loop's names afterwards.
- plain loop: `any(...)`, `all(...)` or `sum(...)` of a generator, where it is evaluated first in its statement, becomes
  a loop above it. The generator's own names get new ones, so that nothing is overwritten.
- counter: `for x in xs: c[x] += 1` is `c.update(iter(xs))` where `c` is a new Counter.
- method by name: `add = out.append` is undone: interpreters since 3.11 call `out.append(x)` faster than `add(x)`.

Does not protect against: what `body` does not protect against; StopIteration as in `local_calls`; how often a key
that is no plain data is asked for its hash (by a counter's own loop, half as often).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .body import COMPREHENSIONS, LOOKING, SCOPES, Body, mentions, targets
from .local_calls import counter, integer, quiet, short
from .speed_names import READING_METHODS
from .speed_text import Move, Splice, comments, instead, line_above, starts_its_line, whole_line

_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is
}  # fmt: skip
_EMPTY = {"list": "append", "set": "add"}
_LIST_METHODS = frozenset({"append", "extend", "pop", "insert"})


@dataclass
class _Loop:
    """What a loop does: its clauses from outside in, what it puts where."""

    clauses: list[ast.comprehension] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    element: tuple[ast.expr, ...] = ()
    kind: str = ""


def comprehensions(body: Body) -> Iterator[Move]:
    """Loops that fill a new container and do nothing else."""
    for node in body.sites:
        if not isinstance(node, ast.For) or node.type_comment or not starts_its_line(body.module.source, node):
            continue
        made = _made_above(body, node)
        if made is None or body.guarded(node) or not body.in_own_scope(node):
            continue
        name, kind = made
        loop = _taken_apart(body, node, name, kind)
        if loop is None or not _movable(body, node, loop, name):
            continue
        cut = instead_of(body, node, f"{name} = {_written(loop)}")
        yield Move(f"a comprehension fills {name}", "comprehension", (cut,), ())


def _made_above(body: Body, loop: ast.For) -> tuple[str, str] | None:
    """The container that a statement above makes empty and nothing in between mentions, which the loop mentions."""
    block = _block(body, loop)
    between: list[ast.stmt] = []
    for statement in reversed(block[: block.index(loop)] if block else []):
        made = _empty(body, statement)
        if made and mentions([loop], made[0]):
            return None if mentions(between, made[0]) else made
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            return None
        between.append(statement)
    return None


def _empty(body: Body, statement: ast.stmt) -> tuple[str, str] | None:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    value = getattr(statement, "value", None)
    if not isinstance(target, ast.Name) or (isinstance(statement, ast.Assign) and len(statement.targets) != 1):
        return None
    if isinstance(value, ast.List) and not value.elts:
        return target.id, "list"
    if isinstance(value, ast.Dict) and not value.keys:
        return target.id, "dict"
    if isinstance(value, ast.Call) and not value.args and not value.keywords:
        kind = next((kind for kind in ("list", "set", "dict") if body.builtin(value.func, kind)), None)
        return (target.id, kind) if kind else None
    return None


def instead_of(body: Body, statement: ast.stmt, *lines: str) -> Splice:
    """Replace a statement by lines; the comments that stood in it come above."""
    start, end = (statement.lineno, statement.col_offset), (statement.end_lineno or 0, statement.end_col_offset or 0)
    notes = comments(body.module.source, statement)
    return Splice(start, end, ("\n" + " " * statement.col_offset).join([*notes, *lines]))


def _taken_apart(body: Body, loop: ast.For, name: str, kind: str) -> _Loop | None:
    found = _Loop(kind=kind)
    return found if _descend(body, loop, name, found) else None


def _descend(body: Body, statement: ast.stmt, name: str, found: _Loop) -> bool:
    """Read one statement of the pattern into `found`: a loop, a guard, a name for a part, or the filling."""
    if isinstance(statement, ast.For):
        if statement.orelse or not _plain_target(statement.target) or found.names & targets(statement.target):
            return False
        found.names |= targets(statement.target)
        found.clauses.append(ast.comprehension(statement.target, statement.iter, [], 0))
        return _descend_all(body, statement.body, name, found)
    if isinstance(statement, ast.If) and not statement.orelse and not isinstance(statement.body[-1], ast.Continue):
        found.clauses[-1].ifs.append(statement.test)
        return _descend_all(body, statement.body, name, found)
    return _fills(statement, name, found)


def _descend_all(body: Body, block: Sequence[ast.stmt], name: str, found: _Loop) -> bool:
    for statement in block[:-1]:
        if isinstance(statement, ast.If) and not statement.orelse and _only_continues(statement.body):
            found.clauses[-1].ifs.append(_negated(statement.test))
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1 and _new_name(statement, found):
            target = statement.targets[0]
            found.names |= targets(target)
            part = ast.List([statement.value], ast.Load())
            found.clauses.append(ast.comprehension(target, part, [], 0))
        else:
            return False
    return _descend(body, block[-1], name, found)


def _new_name(statement: ast.Assign, found: _Loop) -> bool:
    target = statement.targets[0]
    return isinstance(target, ast.Name) and target.id not in found.names and not mentions([statement.value], target.id)


def _only_continues(block: Sequence[ast.stmt]) -> bool:
    return len(block) == 1 and isinstance(block[0], ast.Continue)


def _negated(test: ast.expr) -> ast.expr:
    """The opposite test; by the opposite operator where that is the same by definition."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _OPPOSITE:
        return ast.Compare(test.left, [_OPPOSITE[type(test.ops[0])]()], test.comparators)
    inverse = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return test.operand if inverse else ast.UnaryOp(ast.Not(), test)  # type: ignore[attr-defined]


def _fills(statement: ast.stmt, name: str, found: _Loop) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and found.kind in _EMPTY:
        call = statement.value
        named = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
        if not named or call.keywords or len(call.args) != 1 or isinstance(call.args[0], ast.Starred):
            return False
        method = call.func
        assert isinstance(method, ast.Attribute) and isinstance(method.value, ast.Name)
        found.element = (call.args[0],)
        return method.value.id == name and method.attr == _EMPTY[found.kind]
    if found.kind == "dict" and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        stores = isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == name
        if not stores or not isinstance(target, ast.Subscript) or not isinstance(target.slice, ast.Name | ast.Constant):
            return False  # any other key would be evaluated after the value, in the comprehension before it
        found.element = (target.slice, statement.value)
        return True
    return False


def _plain_target(target: ast.expr) -> bool:
    names = [node for node in ast.walk(target) if not isinstance(node, ast.expr_context)]
    return all(isinstance(node, ast.Name | ast.Tuple | ast.List) for node in names)


def _movable(body: Body, node: ast.For, loop: _Loop, name: str) -> bool:
    """Whether the loop's parts may be evaluated in a scope of their own, and nobody looks at its names."""
    moved = [*loop.element, *(test for clause in loop.clauses for test in clause.ifs)]
    later = [clause.iter for clause in loop.clauses[1:]]
    parts = [part for item in (*moved, *later) for part in ast.walk(item)]
    odd = (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Lambda)
    if any(isinstance(part, odd) for part in (*parts, *ast.walk(node.iter))) or name in loop.names:
        return False
    if mentions([*moved, *later, node.iter], name) or any(mentions([node.iter], one) for one in loop.names):
        return False
    read = {part.id for part in parts if isinstance(part, ast.Name)}
    if read & LOOKING or not all(body.definite(one, node) for one in read - loop.names if one in body.locals):
        return False
    if loop.kind == "dict" and not body.stable(loop.element[0]):
        return False
    if not (body.own(name) and all(body.dead_outside(node, one) for one in loop.names)):
        return False
    return _in_order(loop) and not _seen_by_nested(body, {name, *loop.names})


def _in_order(loop: _Loop) -> bool:
    """Whether each of the loop's names is bound, in this turn of the loop, before anything reads it."""
    unbound = set(loop.names)
    for clause in loop.clauses:
        if any(mentions([clause.iter], one) for one in unbound):
            return False
        unbound -= targets(clause.target)
        if any(mentions(clause.ifs, one) for one in unbound):
            return False
    return not any(mentions(loop.element, one) for one in unbound)


def _seen_by_nested(body: Body, names: set[str]) -> bool:
    """Whether a nested function, class, lambda or generator mentions one of the names: it could look at any time.

    A generator that the call around it uses up is gone by then.
    """
    nested = (
        node for node in body.nodes
        if isinstance(node, SCOPES) or (isinstance(node, ast.GeneratorExp) and not _used_up(body, node))
    )  # fmt: skip
    return any(isinstance(part, ast.Name) and part.id in names for node in nested for part in ast.walk(node))


def _used_up(body: Body, node: ast.GeneratorExp) -> bool:
    call = body.parents[node]
    if not isinstance(call, ast.Call) or call.args != [node]:
        return False
    joined = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Constant)
    return joined or body.builtin(call.func, "tuple", "list", "set", "sorted", "sum", "min", "max", "any", "all")


def _written(loop: _Loop) -> str:
    if loop.kind == "dict":
        key, value = loop.element
        return ast.unparse(ast.DictComp(key, value, loop.clauses))
    (element,) = loop.element
    made = ast.SetComp(element, loop.clauses) if loop.kind == "set" else ast.ListComp(element, loop.clauses)
    return ast.unparse(made)


# -- any, all and sum --------------------------------------------------------------------------------------------------


def plain_loops(body: Body) -> Iterator[Move]:
    """`any`, `all` or `sum` of a generator as a loop above the statement that evaluates it first."""
    for node in body.sites:
        if not isinstance(node, ast.Call) or not body.builtin(node.func, "any", "all", "sum"):
            continue
        made = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if not isinstance(made, ast.GeneratorExp) or not quiet(body, made) or not body.in_own_scope(node):
            continue
        statement = body.first_evaluated(node)
        kind = node.func.id  # type: ignore[attr-defined]
        if statement is None or len(made.generators) != 1 or (kind == "sum" and not integer(body, made.elt)):
            continue
        if any(isinstance(part, (*COMPREHENSIONS, ast.Lambda)) for part in ast.walk(made) if part is not made):
            continue
        (clause,) = made.generators
        if not _plain_target(clause.target) or not body.known([made], node):
            continue
        answer = body.fresh({"any": "_some", "all": "_every", "sum": "_total"}[kind])
        lines = _loop_lines(body, made, kind, answer)
        cuts = (line_above(statement, ("\n" + " " * statement.col_offset).join(lines)), instead(node, answer))
        yield Move(f"a plain loop for {short(node)}", "plain loop", cuts, ())


def _loop_lines(body: Body, made: ast.GeneratorExp, kind: str, answer: str) -> list[str]:
    made = copy.deepcopy(made)
    (clause,) = made.generators
    new = {name: body.fresh(f"_{name.strip('_')}") for name in sorted(targets(clause.target))}
    for node in [part for item in (clause.target, made.elt, *clause.ifs) for part in ast.walk(item)]:
        if isinstance(node, ast.Name) and node.id in new:
            node.id = new[node.id]
    lines = [f"for {ast.unparse(clause.target)} in {ast.unparse(clause.iter)}:"]
    tests = [ast.unparse(test) for test in clause.ifs]
    if kind != "sum":
        tests.append(ast.unparse(made.elt if kind == "any" else _negated(made.elt)))
    lines += ["    " * depth + f"if {test}:" for depth, test in enumerate(tests, 1)]
    deep = "    " * (len(tests) + 1)
    if kind == "sum":
        return [f"{answer} = 0", *lines, f"{deep}{answer} += {ast.unparse(made.elt)}"]
    return [*lines, f"{deep}{answer} = {kind == 'any'}", f"{deep}break", "else:", f"    {answer} = {kind == 'all'}"]


# -- counters ----------------------------------------------------------------------------------------------------------


def counters(body: Body) -> Iterator[Move]:
    """`for x in xs: c[x] += 1` where `c` is a Counter made in this function that only counts."""
    for node in body.sites:
        if not isinstance(node, ast.For) or node.orelse or len(node.body) != 1 or not isinstance(node.target, ast.Name):
            continue
        name = _counted(node.body[0], node.target.id)
        if not name or not body.in_own_scope(node) or not starts_its_line(body.module.source, node):
            continue
        if name != node.target.id and _only_counts(body, name) and body.dead_outside(node, node.target.id):
            seen = mentions([node.iter], name) or _seen_by_nested(body, {node.target.id})
            if seen or not body.builtin(_ITER, "iter") or not body.definite(name, node):
                continue
            cut = instead_of(body, node, f"{name}.update(iter({ast.unparse(node.iter)}))")
            yield Move(f"{name} counts in one go", "counter", (cut,), ())


def _counted(step: ast.stmt, key: str) -> str:
    """The name of `c` where the statement is `c[key] += 1`, else ""."""
    if not (
        isinstance(step, ast.AugAssign) and isinstance(step.op, ast.Add) and isinstance(step.target, ast.Subscript)
    ):
        return ""
    counts, index = step.target.value, step.target.slice
    one = isinstance(step.value, ast.Constant) and type(step.value.value) is int and step.value.value == 1
    plain = one and isinstance(index, ast.Name) and index.id == key
    return counts.id if plain and isinstance(counts, ast.Name) else ""


_ITER = ast.Name("iter", ast.Load())
_LOOKS = frozenset({"max", "min", "sorted", "len", "list", "sum", "dict", "tuple", "set", "enumerate", "repr", "str"})


def _only_counts(body: Body, name: str) -> bool:
    """Whether `name` is only bound to new Counters, read, and added to by loops of this kind."""
    if not body.own(name) or name in body.parameters:
        return False
    for node in body.names.get(name, ()):
        holder = body.parents[node]
        if isinstance(node.ctx, ast.Store):
            value = holder.value if isinstance(holder, ast.Assign) and len(holder.targets) == 1 else None
            if not (
                isinstance(value, ast.Call) and not value.args and not value.keywords and counter(body, value.func)
            ):
                return False
        elif not _harmless(body, node, holder):
            return False
    return True


def _harmless(body: Body, node: ast.Name, holder: ast.AST) -> bool:
    if isinstance(holder, ast.Subscript) and holder.value is node:
        step = body.parents[holder]
        adds = isinstance(step, ast.AugAssign) and isinstance(step.op, ast.Add) and isinstance(step.value, ast.Constant)
        return isinstance(holder.ctx, ast.Load) or (adds and type(step.value.value) is int)  # type: ignore[attr-defined]
    if isinstance(holder, ast.Attribute):
        return holder.attr in READING_METHODS | {"most_common", "elements", "total"}
    if isinstance(holder, ast.Call):
        return node in holder.args and body.builtin(holder.func, *_LOOKS)
    return isinstance(holder, ast.Return | ast.For | ast.comprehension | ast.Compare | ast.If | ast.While)


# -- methods by another name -------------------------------------------------------------------------------------------


def renamed_methods(body: Body) -> Iterator[Move]:
    """`add = out.append` and its calls, where `out` is one list made in this function."""
    for node in body.sites:
        value = node.value if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if not (isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.attr in _LIST_METHODS):
            continue
        assert isinstance(node, ast.Assign)
        alias, owner = node.targets[0], value.value.id
        if not isinstance(alias, ast.Name) or not body.in_own_scope(node) or not _one_list(body, owner, node):
            continue
        uses = [use for use in body.names[alias.id] if use is not alias]
        calls = [body.parents[use] for use in uses]
        plain = all(isinstance(call, ast.Call) and call.func is use for call, use in zip(calls, uses, strict=True))
        if (
            not uses
            or not plain
            or not set(uses) <= set(body.sites)
            or not body.own(alias.id)
            or not body.definite(owner, node)
        ):
            continue
        if all(body.in_own_scope(use) and body.definite(alias.id, use) for use in uses):
            cuts = [instead(use, f"{owner}.{value.attr}") for use in uses]
            gone = whole_line(body.module.source, node)
            cuts += [gone] if gone and len(_block(body, node)) > 1 else []
            yield Move(f"call {owner}.{value.attr} by its name", "method by name", tuple(cuts), ())


def _block(body: Body, statement: ast.stmt) -> list[ast.stmt]:
    """The statements among which a statement stands."""
    holder = body.parents[statement]
    blocks = (getattr(holder, name, None) for name in ("body", "orelse", "finalbody"))
    return next((block for block in blocks if isinstance(block, list) and statement in block), [])


def _one_list(body: Body, name: str, at: ast.stmt) -> bool:
    """Whether `name` is bound once in the whole function, to a list display or comprehension."""
    stores = [node for node in body.names.get(name, ()) if not isinstance(node.ctx, ast.Load)]
    if len(stores) != 1 or not body.own(name) or name in body.parameters:
        return False
    holder = body.parents[stores[0]]
    value = holder.value if isinstance(holder, ast.Assign | ast.AnnAssign) else None
    made = isinstance(value, ast.Call) and body.builtin(value.func, "list", "sorted")
    return (made or isinstance(value, ast.List | ast.ListComp)) and body.definite(name, at)
