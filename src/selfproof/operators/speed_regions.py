"""Where in a function something is computed again and again, and what stands still meanwhile.

A *region* is a statement (a loop, or a statement that holds a comprehension) that starts its own line, so
that a line can be put above it. A value *stands still* in a region if its name is bound before, is not
bound in it, and no statement of the region can change the object: all that is changed there are private
containers, and the value is not one of them; or all that the whole function changes was made in this call,
and the value is older than the call.

Does not protect against: what `purity` does not protect against; generators passed in as arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property

from .purity import Module
from .speed_names import names_bound
from .speed_scope import Scope
from .speed_text import starts_its_line

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_CONSUMERS = {"sum", "any", "all", "min", "max", "sorted", "list", "tuple", "set", "frozenset", "dict"}


class Site:
    """One function of a module, prepared for the operators."""

    def __init__(self, module: Module, function: str) -> None:
        """Analyse the top-level function called `function`, which must be in `module.functions`."""
        self.module = module
        self.function = module.functions[function]
        self.scope = Scope(self.function, module.shadowed)
        deferred = (node for node in self.scope.nodes if isinstance(node, ast.GeneratorExp | ast.Lambda))
        self._deferred = [node for item in deferred for node in ast.walk(item)]
        self._facts: dict[ast.stmt, tuple[frozenset[str] | None, set[str]]] = {}

    @property
    def editable(self) -> bool:
        """Whether the function is of the kind that operators touch at all."""
        return self.module.settled and self.scope.plain and self.module.calls_known(self.scope)

    @property
    def recursive(self) -> bool:
        """Whether the function mentions its own name."""
        return any(isinstance(node, ast.Name) and node.id == self.function.name for node in self.scope.nodes)

    def nodes_of(self, kind: type[ast.expr] | tuple[type[ast.expr], ...]) -> Iterator[ast.expr]:
        """The function's expressions of one kind, in the order of the text, outer before inner."""
        found = [node for node in self.scope.nodes if isinstance(node, kind)]
        ends = {node: (node.end_lineno or 0, node.end_col_offset or 0) for node in found}
        return iter(sorted(found, key=lambda node: (node.lineno, node.col_offset, *(-end for end in ends[node]))))

    def repeated(self, node: ast.expr) -> bool:
        """Whether some loop or comprehension of the function evaluates `node` again and again."""
        return bool(self._repeaters(node))

    def region(self, node: ast.expr, sources: Iterable[str]) -> ast.stmt | None:
        """The outermost region that repeats `node` and in which every source stands still, or None."""
        names = set(sources)
        for statement in self._repeaters(node):
            changed, bound = self._region_facts(statement)
            if changed is None or names & (changed | bound):
                continue
            alone = all(map(self.scope.private, changed)) or (self._tidy and all(map(self._older, names)))
            if alone and all(self.definite(name, statement) for name in names):
                return statement
        return None

    def free_names(self, node: ast.expr) -> list[str]:
        """The variables that `node` reads from outside itself, sorted; not callees and builtins."""
        parts = list(ast.walk(node))
        names = {part.id for part in parts if isinstance(part, ast.Name)} - names_bound(parts)
        return sorted(name for name in names if not self._callee(name))

    def definite(self, name: str, statement: ast.stmt) -> bool:
        """Whether `name` certainly has a value whenever `statement` begins."""
        if name in self.scope.parameters:
            return not any(isinstance(node, ast.ExceptHandler) and node.name == name for node in self.scope.nodes)
        if name not in self.scope.locals:
            return self.module.steady(name, self.function) is not None
        if any(isinstance(node, ast.ExceptHandler) and node.name == name for node in self.scope.nodes):
            return False
        child: ast.AST = statement
        while child is not self.function:
            holder = self.scope.parents[child]
            if isinstance(holder, ast.For) and child in holder.body and name in _targets(holder.target):
                return True
            if any(_assigns(item, name) for item in _earlier(holder, child)):
                return True
            child = holder
        return False

    @cached_property
    def _tidy(self) -> bool:
        return self.module.changes(self.scope.nodes, self.scope) is not None

    def _older(self, name: str) -> bool:
        """Whether `name` means an object that existed before the call."""
        return name not in self.scope.bound

    def _callee(self, name: str) -> bool:
        if name in self.scope.locals:
            return False
        known = name in self.module.functions or self.module.math_function(name)
        return known or name not in self.module.shadowed or name == "math"

    def _repeaters(self, node: ast.AST) -> list[ast.stmt]:
        """The regions around `node`, outermost first."""
        found: list[ast.stmt] = []
        child, pending = node, False
        while child is not self.function:
            holder = self.scope.parents[child]
            if isinstance(holder, ast.Lambda | ast.JoinedStr):
                return []
            if isinstance(holder, ast.GeneratorExp) and not self._consumed(holder):
                return []
            if isinstance(holder, ast.comprehension):
                comp = self.scope.parents[holder]
                assert isinstance(comp, _COMPREHENSIONS)
                pending |= not (holder is comp.generators[0] and child is holder.iter)
            elif isinstance(holder, _COMPREHENSIONS):
                pending |= not isinstance(child, ast.comprehension)
            elif isinstance(holder, ast.For):
                pending |= child in holder.body
            elif isinstance(holder, ast.While):
                pending |= child is holder.test or child in holder.body
            if pending and isinstance(holder, ast.stmt) and self._takes_a_line(holder):
                found.append(holder)
                pending = False
            child = holder
        return found[::-1]

    def _takes_a_line(self, statement: ast.stmt) -> bool:
        """Whether a line can be put above `statement`, inside the function."""
        return statement is not self.function and starts_its_line(self.module.source, statement)

    def _consumed(self, node: ast.GeneratorExp) -> bool:
        """Whether a generator expression is used up by the call that it is the argument of."""
        call = self.scope.parents[node]
        if not (isinstance(call, ast.Call) and call.args[:1] == [node]):
            return False
        if isinstance(call.func, ast.Attribute):
            return call.func.attr == "join"
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        return name in _CONSUMERS and self.module.builtin(name, self.scope)

    def _region_facts(self, statement: ast.stmt) -> tuple[frozenset[str] | None, set[str]]:
        if statement not in self._facts:
            nodes = [*ast.walk(statement), *self._deferred]
            self._facts[statement] = (self.module.changes(nodes, self.scope), names_bound(nodes))
        return self._facts[statement]


def _earlier(holder: ast.AST, child: ast.AST) -> list[ast.stmt]:
    """The statements that certainly ran before `child`, in the block of `holder` that it belongs to."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(holder, field, None)
        if isinstance(block, list) and child in block:
            return list(block[: block.index(child)])
    return []


def _assigns(statement: ast.stmt, name: str) -> bool:
    """Whether the statement gives `name` a value whatever happens."""
    if isinstance(statement, ast.Assign):
        return any(name in _targets(target) for target in statement.targets)
    return isinstance(statement, ast.AnnAssign) and statement.value is not None and name in _targets(statement.target)


def _targets(node: ast.expr) -> set[str]:
    """The names that an assignment to `node` binds."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Starred):
        return _targets(node.value)
    inner = node.elts if isinstance(node, ast.Tuple | ast.List) else []
    return {name for item in inner for name in _targets(item)}
