"""Which functions and expressions of a module are pure, by a conservative reading of its source.

Pure means: for arguments that are *plain data* (exact built-in scalars and containers) the result depends
on nothing but the arguments, nothing that existed before is changed, and nothing is remembered. Operators
guard at run time that the data is plain, because adding or comparing anything else may run any code. What
is not known to be pure is impure.

Does not protect against: other modules that rebind this module's names while one of its functions runs,
threads that change its arguments meanwhile, special methods of non-plain values elsewhere in a loop, use of
memory and stack.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable

from .speed_globals import Globals
from .speed_names import CHANGING_METHODS, EXCEPTIONS, READING_METHODS, names_bound
from .speed_scope import Scope
from .speed_stores import counter, holds_numbers, in_place_free, maker
from .speed_text import HELPERS

CHEAP_BUILTINS = EXCEPTIONS | frozenset(("abs", "bool", "chr", "float", "int", "isinstance", "len", "ord")) | {
    "range", "slice", "type"
}  # fmt: skip
"""Pure builtins that cost about as much as remembering their result."""

PURE_BUILTINS = CHEAP_BUILTINS | {
    "all", "any", "ascii", "bin", "bytes", "complex", "dict", "divmod", "enumerate", "filter", "frozenset",
    "hex", "list", "map", "max", "min", "oct", "pow", "repr", "reversed", "round", "set", "sorted", "str", "sum",
    "tuple", "zip",
}  # fmt: skip
"""Builtins that, on plain data, change nothing and always answer the same."""

_BLANKET_HANDLERS = {"Exception", "BaseException", "RuntimeError", "RecursionError", "MemoryError", "Warning"}
_LAZY_BUILTINS = frozenset({"enumerate", "filter", "map", "reversed", "zip"})
_PLAIN_TYPES = frozenset({"str", "int", "float", "list", "dict", "set", "tuple", "frozenset", "bytes"})
_PLAIN_NODES = (
    ast.Constant, ast.Name, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.BinOp, ast.UnaryOp, ast.Compare,
    ast.Call, ast.ListComp, ast.SetComp, ast.DictComp, ast.comprehension, ast.Attribute, ast.Subscript,
    ast.Slice, ast.keyword, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.Starred,
)  # fmt: skip


class Module(Globals):
    """A module whose functions can be asked whether they are pure, and what they change."""

    def __init__(self, source: str) -> None:
        """Parse `source`; raises SyntaxError or ValueError (null bytes) if it is not a module."""
        super().__init__(source)
        self._pure: dict[str, bool] = {}

    def constant(self, name: str, before: ast.stmt) -> bool:
        """Whether the global `name` is steady, made of plain data, and nowhere visibly filled with more."""
        value = self.steady(name, before)
        return value is not None and not self.filled(name) and self._plain_value(value)

    def pure_function(self, name: str) -> bool:
        """Whether the top-level function `name` is pure; calls of the module's own functions are followed."""
        if name not in self._pure:
            self._pure[name] = True  # a recursive call is as pure as everything else in the function
            known = name in self.functions
            self._pure[name] = known and self._pure_body(Scope(self.functions[name], self.shadowed))
            if not self._pure[name]:  # what was judged pure on that assumption is judged again
                self._pure = {key: value for key, value in self._pure.items() if not value}
        return self._pure[name]

    def pure_expression(self, node: ast.expr, scope: Scope) -> bool:
        """Whether evaluating `node` inside `scope` on plain data is pure, and does not give an iterator."""
        if isinstance(node, ast.GeneratorExp | ast.Lambda | ast.Starred) or _calls(node, _LAZY_BUILTINS):
            return False
        parts = list(ast.walk(node))
        marked = any(isinstance(part, ast.NamedExpr) or _calls(part, HELPERS) for part in parts)
        return not marked and self.changes(parts, scope) == frozenset()

    def changes(self, nodes: Iterable[ast.AST], scope: Scope) -> frozenset[str] | None:
        """The local names whose new containers the nodes may change; None if they may change anything else."""
        changed: set[str] = set()
        for node in nodes:
            name = self._change(node, scope)
            if name is None:
                return None
            changed.add(name)
        return frozenset(changed - {""})

    def calls_known(self, scope: Scope) -> bool:
        """Whether every call in the function is of something known, even if it changes a caller's container."""
        calls = (node for node in scope.nodes if isinstance(node, ast.Call))
        return all(self._call(call, scope) is not None or self._method_on_caller(call, scope) for call in calls)

    def _change(self, node: ast.AST, scope: Scope) -> str | None:
        """The local name whose container one node changes ("" for none); None if it may change anything else."""
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return maker(scope, node.value)
        if isinstance(node, ast.AugAssign):
            return self._augmented(node, scope)
        if isinstance(node, ast.Attribute):
            called = isinstance(scope.parents.get(node), ast.Call) and isinstance(node.ctx, ast.Load)
            return "" if called or self._known(node, scope) else None
        return ""

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> str | None:
        target = node.target
        if isinstance(target, ast.Name):
            harmless = in_place_free(node) or counter(scope, target.id)
            return "" if harmless else maker(scope, target)
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name | ast.Subscript):
            numbers = isinstance(target.value, ast.Name) and holds_numbers(scope, target.value.id)
            return maker(scope, target.value) if numbers or in_place_free(node) else None
        return None

    def _call(self, node: ast.Call, scope: Scope) -> str | None:
        callee = node.func
        called_back = [item.value for item in node.keywords if item.arg in ("key", None)]
        if _calls(node, frozenset({"map", "filter"})):
            called_back += node.args[:1] or [node]
        if not all(self._harmless_callable(item, scope) for item in called_back):
            return None
        if isinstance(callee, ast.Name):
            return "" if self._harmless_callable(callee, scope) else None
        if not isinstance(callee, ast.Attribute):
            return None
        reads = callee.attr in READING_METHODS and self._data(callee.value, scope)
        if reads or self._known(callee, scope):
            return ""
        return maker(scope, callee.value) if callee.attr in CHANGING_METHODS else None

    def _method_on_caller(self, call: ast.Call, scope: Scope) -> bool:
        changing = isinstance(call.func, ast.Attribute) and call.func.attr in CHANGING_METHODS
        return changing and all(self._harmless_callable(item.value, scope) for item in call.keywords)

    def _harmless_callable(self, node: ast.AST, scope: Scope) -> bool:
        """Whether `node` names a pure function; a lambda's body is read along with everything else."""
        if isinstance(node, ast.Name):
            if self.builtin(node.id, scope):
                return node.id in PURE_BUILTINS
            known = node.id in self.helpers or self.math_function(node.id) or self.pure_function(node.id)
            return node.id not in scope.locals and self.settled and known
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._known(node, scope)
        return isinstance(node, ast.Lambda) or (isinstance(node, ast.Constant) and node.value is None)

    def _known(self, node: ast.AST, scope: Scope) -> bool:
        """Whether `node` is `math.something`, or a reading method of a builtin type such as `str.lower`."""
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            return False
        base, attribute = node.value.id, node.attr
        if base in _PLAIN_TYPES:
            return self.builtin(base, scope) and attribute in READING_METHODS
        return base not in scope.locals and self._is_math(base) and attribute in vars(math) and attribute[0] != "_"

    def _is_math(self, name: str) -> bool:
        node = self.bound_at[name][0] if self.once(name) else None
        return name == "math" and isinstance(node, ast.Import) and node in self.tree.body

    def _data(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a method's receiver is plain data if everything local is: no module, class or instance."""
        while isinstance(node, ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name):
            return node.id in scope.locals or self.constant(node.id, scope.function)
        return not isinstance(node, ast.Attribute | ast.Lambda | ast.GeneratorExp)

    def _pure_body(self, scope: Scope) -> bool:
        if not scope.plain or not self.settled or self.changes(scope.nodes, scope) is None:
            return False
        signature = scope.function.args
        defaults = [item for item in (*signature.defaults, *signature.kw_defaults) if item is not None]
        handlers = (node for node in scope.nodes if isinstance(node, ast.ExceptHandler))
        reads = {node.id for node in scope.nodes if isinstance(node, ast.Name)} - scope.locals
        return (
            all(isinstance(value, ast.Constant) for value in defaults)
            and all(self._narrow(handler) for handler in handlers)
            and all(self._stable(name, scope) for name in reads)
        )

    def _stable(self, name: str, scope: Scope) -> bool:
        """Whether a global name that a pure function reads always means the same."""
        if name not in self.bound_at:
            return name in PURE_BUILTINS
        known = name in self.functions or self._is_math(name) or self.math_function(name)
        return known or self.constant(name, scope.function)

    def _narrow(self, handler: ast.ExceptHandler) -> bool:
        """Whether a handler names exceptions that do not depend on how full stack and memory are."""
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        narrow = EXCEPTIONS - _BLANKET_HANDLERS - self.shadowed
        return all(isinstance(kind, ast.Name) and kind.id in narrow for kind in kinds)

    def _plain_value(self, value: ast.expr) -> bool:
        """Whether a top-level value is built from literals and pure calls, so that it holds plain data."""
        parts = list(ast.walk(value))
        if not all(isinstance(part, _PLAIN_NODES) for part in parts) or _calls(value, _LAZY_BUILTINS):
            return False
        names = {part.id for part in parts if isinstance(part, ast.Name)} - names_bound(parts)
        names = {name for name in names if not (self._is_math(name) or self.math_function(name))}
        above = ast.Pass(lineno=value.lineno)  # so that A = B, B = A comes to an end
        if not all(self.constant(name, above) for name in names - (PURE_BUILTINS - self.shadowed)):
            return False
        empty = ast.parse("def f(): pass").body[0]
        assert isinstance(empty, ast.FunctionDef)
        return self.changes(parts, Scope(empty, self.shadowed)) == frozenset()


def _calls(node: ast.AST, names: frozenset[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
