"""One function or method of a module, read for rewrites that ask for no purity: what is evaluated stays what it was.

`Body` answers where names are bound, which of them nothing else can rebind, whether a name certainly has a value, and
whether one may look at a name after a loop. Everything is read from the text, conservatively: an unclear case is
answered so that nothing is rewritten.

Does not protect against: code that looks at frames, at bytecode or at the depth of the stack (a comprehension uses one
more frame, an inlined call one less); other modules that rebind this module's names; when exactly an object that
nobody refers to any more is destroyed.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator
from functools import cached_property

from .speed_globals import Globals
from .speed_names import parents_of
from .speed_text import Move, starts_its_line

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOKING = frozenset({"locals", "vars", "dir", "eval", "exec", "super", "__class__", "globals", "breakpoint"})
"""Names with which a function can look at its own names: where one stands, nothing is moved into another scope."""

_KNOWN_DECORATORS = frozenset({"staticmethod", "classmethod", "property", "cached_property", "override", "cache"}) | {
    "lru_cache", "contextmanager", "abstractmethod", "wraps", "total_ordering", "final", "no_type_check"
}  # fmt: skip
_TEXTS = frozenset({"JoinedStr", "TemplateStr"})
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class Body:
    """The function at `place` ("name" or "Class.name") of a parsed module."""

    def __init__(self, module: Globals, place: str) -> None:
        """Find the function; raises LookupError where it is not plainly there, once."""
        self.module, self.place = module, place
        self.function = _found(module.tree, place)
        self.parents = parents_of(self.function)
        self.nodes = [node for statement in self.function.body for node in ast.walk(statement)]
        self.table = _table(module, place)
        self.locals = frozenset(self.table.get_locals()) | frozenset(self.table.get_parameters())
        self.parameters = frozenset(self.table.get_parameters())
        outer = {name for node in self.nodes if isinstance(node, ast.Nonlocal) for name in node.names}
        self.shared = outer | {name for node in self.nodes if isinstance(node, ast.Global) for name in node.names}

    @cached_property
    def names(self) -> dict[str, list[ast.Name]]:
        """Every mention of each name in the function's body, in nested functions and comprehensions too."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def sites(self) -> list[ast.AST]:
        """The nodes at which text may be put: not within an f-string, where positions cannot be relied on."""
        texts = [node for node in self.nodes if type(node).__name__ in _TEXTS]
        within = {part for node in texts for part in ast.walk(node) if part is not node}
        return [node for node in self.nodes if node not in within]

    @property
    def editable(self) -> bool:
        """Whether the module's names can be trusted and nothing around the function reads its code."""
        decorators = (item.func if isinstance(item, ast.Call) else item for item in self.function.decorator_list)
        known = all(getattr(item, "id", getattr(item, "attr", "")) in _KNOWN_DECORATORS for item in decorators)
        return self.module.steady_names and known and not LOOKING - {"super", "__class__"} & self.names.keys()

    def builtin(self, node: ast.AST, *names: str) -> bool:
        """Whether `node` is one of these builtins by name, rebound neither in the module nor in any scope here."""
        return (
            isinstance(node, ast.Name) and node.id in names and node.id not in self.module.bound_at
            and not self.bound_somewhere(node.id)
        )  # fmt: skip

    def bound_somewhere(self, name: str) -> bool:
        """Whether any scope of the function binds the name."""
        return name in self._bound_anywhere

    @cached_property
    def _bound_anywhere(self) -> frozenset[str]:
        found: set[str] = set()
        pending = [self.table]
        while pending:
            table = pending.pop()
            found |= {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_parameter()}
            pending += table.get_children()  # type: ignore[arg-type]
        return frozenset(found)

    def global_once(self, name: str) -> bool:
        """Whether `name` here means the module's global of that name, bound by exactly one statement."""
        return self.module.once(name) and not self.bound_somewhere(name) and name not in self.shared

    def stable(self, node: ast.AST) -> bool:
        """Whether `node` is a constant or a local that only this function's own statements can rebind."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int | float)
        if isinstance(node, ast.Constant):
            return True
        return isinstance(node, ast.Name) and self.own(node.id)

    def own(self, name: str) -> bool:
        """Whether a name is a local of the function or of one of its comprehensions, and never shared or deleted."""
        found = self.names.get(name, ())
        deleted = any(isinstance(node.ctx, ast.Del) for node in found)
        local = name in self.locals or all(self._bound_by_its_loop(node, name) for node in found)
        return local and name not in self.shared and not deleted and name not in self._class_names

    @cached_property
    def _class_names(self) -> set[str]:
        """Names bound in class bodies inside the function: scopes that are looked up in another way."""
        inner = [node for node in self.nodes if isinstance(node, ast.ClassDef)]
        return {part.id for node in inner for part in ast.walk(node) if isinstance(part, ast.Name)}

    # -- where a node stands ------------------------------------------------------------------------------------------

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes that hold `node`, innermost first, the function last."""
        while node is not self.function:
            node = self.parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that holds `node`, or is it."""
        if isinstance(node, ast.stmt):
            return node
        return next(item for item in self.above(node) if isinstance(item, ast.stmt))

    def in_own_scope(self, node: ast.AST) -> bool:
        """Whether no nested function, class, lambda or comprehension is around `node`."""
        inner = (*SCOPES, *COMPREHENSIONS)
        return not any(isinstance(item, inner) for item in self.above(node) if item is not self.function)

    def may_bind(self, node: ast.AST) -> bool:
        """Whether `:=` may stand at `node`: in no comprehension's iterable, generator, class body or annotation.

        (Two generators of one call would share the name.)
        """
        child = node
        for holder in self.above(node):
            if isinstance(holder, ast.comprehension) and child is holder.iter:
                return False
            if isinstance(
                holder, ast.GeneratorExp | ast.ClassDef | ast.arguments | ast.AnnAssign | ast.arg
            ) or _annotates(holder, child):
                return False
            child = holder
        return True

    def guarded(self, statement: ast.stmt) -> bool:
        """Whether an exception in the statement could be caught, or something be done about it, in this function."""
        kinds = (ast.Try, ast.TryStar, ast.With, ast.AsyncWith)
        return any(isinstance(item, kinds) for item in self.above(statement))

    def first_evaluated(self, node: ast.expr) -> ast.stmt | None:
        """The statement above which `node` may as well be evaluated: nothing of it is evaluated before."""
        child: ast.AST = node
        for holder in self.above(node):
            if isinstance(holder, ast.If | ast.Assign | ast.Return | ast.Expr | ast.AnnAssign):
                at = getattr(holder, "test", None) or getattr(holder, "value", None)
                plain = isinstance(holder, ast.AnnAssign) and not isinstance(holder.target, ast.Name)
                return holder if at is child and not plain and starts_its_line(self.module.source, holder) else None
            first = (
                (isinstance(holder, ast.UnaryOp) and holder.operand is child)
                or (isinstance(holder, ast.BoolOp) and holder.values[0] is child)
                or (isinstance(holder, ast.Compare | ast.BinOp) and holder.left is child)
                or (isinstance(holder, ast.IfExp) and holder.test is child)
                or (isinstance(holder, ast.Tuple | ast.List) and holder.elts[0] is child)
            )
            if not first:
                return None
            child = holder
        return None

    def dead_outside(self, region: ast.stmt, name: str) -> bool:
        """Whether the value that `region` leaves in `name` is never looked at outside of it.

        So it is where every other mention stands in a loop or comprehension that binds the name itself.
        """
        inside = set(ast.walk(region))
        if name in self.shared or name in self.parameters:
            return False
        for mention in self.names.get(name, ()):
            if mention not in inside and not self._bound_by_its_loop(mention, name):
                return False
        return not any(_binds_otherwise(node, name) for node in self.nodes if node not in inside)

    def _bound_by_its_loop(self, mention: ast.Name, name: str) -> bool:
        child: ast.AST = mention
        for holder in self.above(mention):
            if isinstance(holder, SCOPES):
                return False
            if isinstance(holder, ast.For) and holder.iter is not child and child not in holder.orelse:
                if name in targets(holder.target):
                    return True
            elif isinstance(holder, COMPREHENSIONS) and not isinstance(child, ast.comprehension):
                if any(name in targets(part.target) for part in holder.generators):
                    return True
            elif isinstance(holder, ast.comprehension) and name in targets(holder.target) and child is not holder.iter:
                return True
            child = holder
        return False

    # -- whether a name has a value ----------------------------------------------------------------------------------

    def definite(self, name: str, at: ast.AST) -> bool:
        """Whether the local `name` certainly has a value when `at` is evaluated."""
        if not self.own(name) or any(_binds_briefly(node, name) for node in self.nodes):
            return False
        if name in self.parameters:
            return True
        child = at
        for holder in self.above(at):
            if isinstance(holder, ast.For) and child in holder.body and name in targets(holder.target):
                return True
            if isinstance(holder, COMPREHENSIONS) and any(name in targets(part.target) for part in holder.generators):
                return True
            if isinstance(holder, ast.comprehension) and name in targets(holder.target):
                return child is not holder.iter
            if isinstance(holder, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef) and holder is not self.function:
                return name in {item.arg for item in ast.walk(holder.args) if isinstance(item, ast.arg)}
            if any(_gives(statement, name) for statement in _before(holder, child)):
                return True
            child = holder
        return False

    def known(self, nodes: Iterable[ast.AST], at: ast.AST) -> bool:
        """Whether every local of this function that the nodes read certainly has a value at `at`."""
        parts = [part for node in nodes for part in ast.walk(node)]
        inner = {name for part in parts if isinstance(part, ast.comprehension) for name in targets(part.target)}
        read = {part.id for part in parts if isinstance(part, ast.Name)} - inner
        return all(self.definite(name, at) for name in read if name in self.locals)

    def fresh(self, stem: str) -> str:
        """A name that nothing in the module has, another one at each call."""
        number = 1
        while (name := stem if number == 1 else f"{stem}_{number}") in self.module.all_names | self.module.taken:
            number += 1
        self.module.taken.add(name)
        return name


def targets(node: ast.expr) -> set[str]:
    """The names that an assignment to `node` binds."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Starred):
        return targets(node.value)
    inner = node.elts if isinstance(node, ast.Tuple | ast.List) else []
    return {name for item in inner for name in targets(item)}


def mentions(nodes: Iterable[ast.AST], name: str) -> bool:
    """Whether the name stands anywhere below the nodes."""
    return any(isinstance(part, ast.Name) and part.id == name for node in nodes for part in ast.walk(node))


def mangled(node: ast.AST) -> bool:
    """Whether a name or attribute would mean something else inside a class: `__private`."""
    name = str(getattr(node, "id", None) or getattr(node, "attr", ""))
    return isinstance(node, ast.Name | ast.Attribute) and name.startswith("__") and not name.endswith("__")


def extent(move: Move) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where a move begins and ends in the text."""
    return min(cut.start for cut in move.splices), max(cut.end for cut in move.splices)


def _found(tree: ast.Module, place: str) -> ast.FunctionDef:
    node: ast.AST = tree
    for name in place.split("."):
        block = node.body if isinstance(node, ast.Module | ast.ClassDef) else []
        found = [item for item in block if getattr(item, "name", "") == name]
        if len(found) != 1 or sum(_binds_at_all(item, name) for item in block) != 1:
            raise LookupError(f"{place} is not plainly there")
        node = found[0]
    if not isinstance(node, ast.FunctionDef):
        raise LookupError(f"{place} is no function")
    return node


def _table(module: Globals, place: str) -> symtable.Function:
    table = module.symbols
    for name in place.split("."):
        (table,) = [child for child in table.get_children() if child.get_name() == name]
    assert isinstance(table, symtable.Function)
    return table


def _binds_at_all(statement: ast.AST, name: str) -> bool:
    """Whether a statement of a module or class may bind the name in that scope."""
    if getattr(statement, "name", None) == name:
        return True
    if isinstance(statement, SCOPES):
        return False
    return any(
        (isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.alias) and (node.asname or node.name.partition(".")[0]) == name)
        or (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name)
        for node in ast.walk(statement)
    )


def _annotates(holder: ast.AST, child: ast.AST) -> bool:
    return isinstance(holder, ast.FunctionDef | ast.AsyncFunctionDef) and child not in holder.body


def _binds_briefly(node: ast.AST, name: str) -> bool:
    """Whether a handler or a pattern binds the name: it may lose its value again, or get none."""
    return isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name == name


def _binds_otherwise(node: ast.AST, name: str) -> bool:
    """Whether the node mentions the name in another way than by a Name node."""
    if isinstance(node, ast.alias):
        return name in (node.asname, node.name.partition(".")[0])
    other = (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return (isinstance(node, other) and node.name == name) or (isinstance(node, ast.MatchMapping) and node.rest == name)


def _before(holder: ast.AST, child: ast.AST) -> list[ast.stmt]:
    """The statements that certainly ran before `child`, in the block of `holder` that it belongs to."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(holder, field, None)
        if isinstance(block, list) and child in block:
            return list(block[: block.index(child)])
    return []


def _gives(statement: ast.stmt, name: str) -> bool:
    """Whether the name has a value whenever the statement has come to its end and the next one begins."""
    if isinstance(statement, ast.Assign):
        return any(name in targets(target) for target in statement.targets)
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None and name in targets(statement.target)
    if isinstance(statement, ast.AugAssign):
        return name in targets(statement.target)
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name == name
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return any((item.asname or item.name.partition(".")[0]) == name for item in statement.names)
    if isinstance(statement, ast.If):
        return all(_ends_with(block, name) for block in (statement.body, statement.orelse))
    return False


def _ends_with(block: list[ast.stmt], name: str) -> bool:
    return bool(block) and (isinstance(block[-1], _LEAVES) or any(_gives(item, name) for item in block))
