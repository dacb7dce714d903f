"""What the names inside one function are: parameters, locals, and containers that nobody else can reach.

`Scope` answers, for one top-level function, which names it binds and to what, and which of them are
*private*: bound only to objects made on the spot and never handed to anything that could keep them.
Changing a private container cannot change any other object, which is what lets a loop fill a result list
while the rest of its world stands still.

Does not protect against: frame inspection (`sys._getframe`, debuggers), code that rewrites a function's
bytecode.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .speed_names import (
    BORROWING_BUILTINS,
    CHANGING_METHODS,
    FORBIDDEN_NODES,
    FRESH_BUILTINS,
    READING_METHODS,
    names_bound,
    parents_of,
)

_FRESH_NODES = (
    ast.Constant, ast.BinOp, ast.Compare, ast.UnaryOp, ast.JoinedStr, ast.List, ast.Set, ast.Dict,
    ast.ListComp, ast.SetComp, ast.DictComp,
)  # fmt: skip


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
        self.values = {name: list(self._bindings(name)) for name in self.bound}
        self._private: dict[str, bool] = {}

    @property
    def plain(self) -> bool:
        """Whether the function uses only what the analysis models."""
        deletes = (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del) for node in self.nodes)
        forbidden = any(isinstance(node, FORBIDDEN_NODES) for node in self.nodes)
        return not (
            self.function.decorator_list or forbidden or any(deletes) or any(map(self._tells_apart, self.nodes))
        )

    def private(self, name: str) -> bool:
        """Whether `name` only ever holds containers made in this function that nothing else refers to."""
        if name not in self._private:
            uses = (node for node in self.nodes if isinstance(node, ast.Name) and node.id == name)
            self._private[name] = self.made_here(name) and not any(map(self._leaks, uses))
        return self._private[name]

    def made_here(self, name: str) -> bool:
        """Whether `name` is a local that is only ever bound to new objects."""
        known = name in self.bound and name not in self.parameters
        return known and all(value is not None and self._fresh(value) for value in self.values[name])

    def _tells_apart(self, node: ast.AST) -> bool:
        """Whether `is` compares anything but None, True, False or a type: an equal object would show."""
        if not isinstance(node, ast.Compare):
            return False
        sides = [node.left, *node.comparators]
        pairs = zip(node.ops, sides, sides[1:], strict=False)
        return any(
            isinstance(op, ast.Is | ast.IsNot) and not (self._single(left) or self._single(right))
            for op, left, right in pairs
        )

    def _single(self, node: ast.expr) -> bool:
        """Whether `node` is None, True, False or type(...): objects of which there are no two equal ones."""
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and self._builtin(node.func.id, frozenset({"type"}))
        return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))

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
    if not (isinstance(assign, ast.Assign) and len(assign.targets) == 1 and isinstance(assign.value, ast.Tuple)):
        return None
    items = [*targets.elts, *assign.value.elts]
    if len(targets.elts) != len(assign.value.elts) or any(isinstance(item, ast.Starred) for item in items):
        return None
    return assign.value.elts[targets.elts.index(node)]
