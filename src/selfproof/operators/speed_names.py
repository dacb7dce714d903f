"""What the names inside one function are: parameters, locals, and containers that nobody else can reach.

`Scope` answers, for one top-level function, which names it binds and to what, and which of them are *private*: bound
only to objects made on the spot and never handed to anything that could keep them. Changing a private container cannot
change any other object, which is what lets a loop fill a result list while the rest of its world stands still.

Does not protect against: frame inspection (`sys._getframe`, debuggers), code that rewrites a function's bytecode.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

FORBIDDEN_NODES: tuple[type[ast.AST], ...] = (
    ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef, ast.FunctionDef,
    ast.ClassDef, ast.Global, ast.Nonlocal, ast.Match, ast.TryStar, ast.With, ast.Import, ast.ImportFrom,
)  # fmt: skip
"""Syntax inside a function that the analysis does not model: such a function is left alone."""

FRESH_BUILTINS = frozenset(
    {"list", "dict", "set", "sorted", "len", "str", "int", "float", "bool", "range", "tuple"}
)
"""Builtins whose result is a new object, or one that cannot change."""

BORROWING_BUILTINS = FRESH_BUILTINS | {
    "frozenset", "any", "all", "enumerate", "reversed", "repr", "abs", "zip", "min", "max", "sum"
}  # fmt: skip
"""Builtins that, called with one positional argument, do not return that very argument if it can change."""

_CHANGING = "append extend insert pop remove clear sort reverse add discard update setdefault popitem"
_UNMODELLED = "format format_map fromhex maketrans fromkeys from_bytes"

CHANGING_METHODS = frozenset(_CHANGING.split()) | {
    "intersection_update", "difference_update", "symmetric_difference_update"
}  # fmt: skip
"""Methods of plain data that change the receiver, and nothing else."""

READING_METHODS = frozenset(
    name
    for kind in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
    for name in vars(kind)
    if not name.startswith("_") and name not in CHANGING_METHODS
) - frozenset(_UNMODELLED.split())
"""Methods of plain data that change nothing."""

EXCEPTIONS = frozenset(
    name
    for name, item in vars(builtins).items()
    if isinstance(item, type) and issubclass(item, BaseException)
)

_IN_PLACE_FREE = (ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift)
_FRESH_NODES = (
    ast.Constant, ast.BinOp, ast.Compare, ast.UnaryOp, ast.JoinedStr, ast.List, ast.Set, ast.Dict,
    ast.ListComp, ast.SetComp, ast.DictComp,
)  # fmt: skip


def number(node: ast.AST | None) -> bool:
    """Whether `node` is a number written out."""
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def parents_of(root: ast.AST) -> dict[ast.AST, ast.AST]:
    """Each node below `root` with the node that holds it."""
    return {child: node for node in ast.walk(root) for child in ast.iter_child_nodes(node)}


def names_bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Every name that the given nodes may bind or delete, comprehension and lambda names included."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


class Scope:
    """The names of one function definition."""

    def __init__(self, function: ast.FunctionDef, shadowed: frozenset[str] = frozenset()) -> None:
        """Collect the facts about `function`; `shadowed`: names that the module itself binds."""
        self.function = function
        self.shadowed = shadowed
        self.parents = parents_of(function)
        signature = function.args
        self.parameters = {item.arg for item in ast.walk(signature) if isinstance(item, ast.arg)}
        self.nodes = [node for statement in function.body for node in ast.walk(statement)]
        self.bound = names_bound(self.nodes)
        self.locals = self.parameters | self.bound
        self._values = {name: list(self._bindings(name)) for name in self.bound}
        self._private: dict[str, bool] = {}

    @property
    def plain(self) -> bool:
        """Whether the function uses only what the analysis models."""
        deletes = (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del) for node in self.nodes)
        forbidden = any(isinstance(node, FORBIDDEN_NODES) for node in self.nodes)
        return not (
            self.function.decorator_list
            or forbidden
            or any(deletes)
            or any(map(self._tells_apart, self.nodes))
        )

    def private(self, name: str) -> bool:
        """Whether `name` only ever holds containers made in this function that nothing else refers to."""
        if name not in self._private:
            uses = (node for node in self.nodes if isinstance(node, ast.Name) and node.id == name)
            self._private[name] = self._made_here(name) and not any(map(self._leaks, uses))
        return self._private[name]

    def maker(self, node: ast.expr) -> str | None:
        """The local name through which `node` is a container made in this call; None if it may be older.

        That is a name bound only to new objects, or an element of a private list of new lists.
        """
        if isinstance(node, ast.Name) and self._made_here(node.id):
            return node.id
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and self._holds_new(node.value.id)
        ):
            return f"{node.value.id}[]"
        return None

    def _made_here(self, name: str) -> bool:
        known = name in self.bound and name not in self.parameters
        return known and all(value is not None and self._fresh(value) for value in self._values[name])

    def _holds_new(self, name: str) -> bool:
        """Whether every element of the private list `name` is a new list, set or dict: no store but in its making."""
        for node in self.nodes:
            if (
                isinstance(node, ast.Attribute)
                and _is_name(node.value, name)
                and node.attr in CHANGING_METHODS
            ):
                return False
            if (
                isinstance(node, ast.Subscript)
                and _is_name(node.value, name)
                and not isinstance(node.ctx, ast.Load)
            ):
                return False
            if isinstance(node, ast.AugAssign) and _is_name(node.target, name):
                return False
        return self.private(name) and all(map(_new_elements, self._values[name]))

    def counter(self, name: str) -> bool:
        """Whether `name` starts as a number or text and only grows by += or -=: it is never a container."""
        values = self._values.get(name, [])
        starts = {type(value.value) for value in values if isinstance(value, ast.Constant)}
        steps = (
            node for node in self.nodes if isinstance(node, ast.AugAssign) and _is_name(node.target, name)
        )
        return (
            name not in self.parameters
            and all(isinstance(value, ast.Constant) for value in values)
            and starts <= {int, float, str}
            and all(isinstance(step.op, ast.Add | ast.Sub) for step in steps)
        )

    def holds_numbers(self, name: str) -> bool:
        """Whether the elements of the private container `name` are numbers, by every store there is."""
        for node in self.nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and _is_name(node.func.value, name)
            ):
                if node.func.attr in CHANGING_METHODS:
                    return False
            elif isinstance(node, ast.Assign) and any(_stores_into(target, name) for target in node.targets):
                if (
                    len(node.targets) > 1
                    or not isinstance(node.targets[0], ast.Subscript)
                    or not number(node.value)
                ):
                    return False
            elif isinstance(node, ast.AugAssign):
                if _stores_into(node.target, name) and not isinstance(node.op, ast.Add | ast.Sub):
                    return False
                if _is_name(node.target, name):
                    return False
            elif isinstance(node, ast.For | ast.comprehension | ast.AnnAssign) and _stores_into(
                node.target, name
            ):
                return False
        return self.private(name) and all(_numbers(value) for value in self._values[name])

    def in_place_free(self, node: ast.AugAssign) -> bool:
        """Whether the augmented assignment cannot change the list, set or dict that its target holds."""
        if isinstance(node.op, _IN_PLACE_FREE):
            return True
        return isinstance(node.op, ast.Add | ast.Sub) and number(node.value)

    def _tells_apart(self, node: ast.AST) -> bool:
        """Whether `is` compares anything but None, True, False or a type, so that an equal object would show."""
        if not (isinstance(node, ast.Compare) and any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)):
            return False
        sides = (node.left, *node.comparators)
        typed = any(isinstance(side, ast.Call) and ast.unparse(side.func) == "type" for side in sides)
        single = any(isinstance(side, ast.Constant) and side.value in (None, True, False) for side in sides)
        return not (single or (typed and "type" not in self.locals | self.shadowed))

    def _bindings(self, name: str) -> Iterator[ast.expr | None]:
        """The values that plain statements give to `name`; None for a binding that is not so plain."""
        for node in self.nodes:
            if not (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)):
                if name in names_bound([node]):
                    yield None
                continue
            holder = self.parents[node]
            if isinstance(holder, ast.Tuple):
                yield _unpacked(node, holder, self.parents[holder])
            elif isinstance(holder, ast.Assign):
                alone = len(holder.targets) == 1 or isinstance(holder.value, ast.Constant)
                yield holder.value if alone else None
            elif isinstance(holder, ast.AnnAssign):
                yield from [holder.value] if holder.value else []
            elif not isinstance(holder, ast.AugAssign):
                yield None

    def _leaks(self, node: ast.Name) -> bool:
        """Whether this use of a name could let another name or container hold the same object."""
        holder = self.parents[node]
        if not isinstance(node.ctx, ast.Load):
            return False
        if isinstance(holder, ast.Tuple) and isinstance(self.parents[holder], ast.Return):
            return False
        if isinstance(holder, ast.Attribute):
            call = self.parents[holder]
            known = holder.attr in READING_METHODS | CHANGING_METHODS
            return not (known and isinstance(call, ast.Call) and call.func is holder)
        if isinstance(holder, ast.Call):
            return not self._borrows(holder, node)
        if isinstance(holder, ast.Subscript):
            return holder.value is not node
        if isinstance(holder, ast.If | ast.While | ast.IfExp):
            return holder.test is not node
        if isinstance(holder, ast.For | ast.comprehension):
            return holder.iter is not node
        return not isinstance(
            holder, ast.Return | ast.Compare | ast.BinOp | ast.UnaryOp | ast.FormattedValue | ast.Expr
        )

    def _borrows(self, call: ast.Call, node: ast.Name) -> bool:
        """Whether the call only looks at its single argument."""
        if call.args != [node] or any(item.value is node for item in call.keywords):
            return False
        if isinstance(call.func, ast.Attribute):
            return call.func.attr in {"join", "update", "extend"}
        return isinstance(call.func, ast.Name) and self._builtin(call.func.id, BORROWING_BUILTINS)

    def _fresh(self, node: ast.expr) -> bool:
        """Whether evaluating `node` on plain data gives a new object, or one that cannot change."""
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and self._builtin(node.func.id, FRESH_BUILTINS)
        return isinstance(node, _FRESH_NODES)

    def _builtin(self, name: str, family: frozenset[str]) -> bool:
        return name in family and name not in self.locals and name not in self.shadowed


def _unpacked(node: ast.Name, targets: ast.Tuple, assign: ast.AST) -> ast.expr | None:
    """The value that `node` gets in `a, b = x, y`; None where that cannot be read off."""
    if not (
        isinstance(assign, ast.Assign) and len(assign.targets) == 1 and isinstance(assign.value, ast.Tuple)
    ):
        return None
    items = [*targets.elts, *assign.value.elts]
    if len(targets.elts) != len(assign.value.elts) or any(isinstance(item, ast.Starred) for item in items):
        return None
    return assign.value.elts[targets.elts.index(node)]


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _stores_into(target: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Subscript) and _is_name(node.value, name) for node in ast.walk(target))


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
    """Whether `node` is [[...] for ...] or [[...], {...}]: a new list of new containers, whatever these hold."""
    new = (ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)
    if isinstance(node, ast.ListComp):
        product = isinstance(node.elt, ast.BinOp) and isinstance(node.elt.left, ast.List)
        return product or isinstance(node.elt, new)
    return isinstance(node, ast.List) and all(isinstance(item, new) for item in node.elts)
