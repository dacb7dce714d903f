"""What can be relied on about the global names of a module, by reading its source.

Does not protect against: other modules that rebind this module's names while one of its functions runs.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable
from functools import cached_property

from .speed_names import CHANGING_METHODS, names_bound
from .speed_scope import Scope
from .speed_text import HELPERS, has_helper

REVEALING_NAMES = frozenset(
    ("exec", "eval", "compile", "globals", "locals", "vars", "dir", "id", "setattr", "delattr", "breakpoint")
) | {"super", "__import__", "__builtins__"}
"""Names with which code can see or change names and identities: a module that uses one is left alone."""

REVEALING_MODULES = frozenset({"builtins", "inspect", "gc", "ctypes", "importlib"})
REBINDING_NAMES = frozenset({"exec", "eval", "globals", "__builtins__", "__import__"})
"""The few of them with which code can rebind a module's names, or the builtins."""

REVEALING_ATTRIBUTES = frozenset({"_getframe", "__dict__", "__globals__", "__code__", "__builtins__", "modules"})


class Globals:
    """A parsed module and its global names."""

    def __init__(self, source: str) -> None:
        """Parse `source`; raises SyntaxError or ValueError (null bytes) if it is not a module."""
        self.source = source
        self.tree = ast.parse(source)
        self.nodes = list(ast.walk(self.tree))
        self.bound_at = self._bindings()
        self.shadowed = frozenset(self.bound_at)
        self.taken: set[str] = set()  # new names that edits of this text have used
        self.helpers = {name for name in HELPERS if self.once(name) and has_helper(self.tree, name)}

    @cached_property
    def settled(self) -> bool:
        """Whether global names can be trusted: no star import, no exec, no `globals()` and the like."""
        return not any(
            (isinstance(node, ast.alias) and node.name.partition(".")[0] in REVEALING_MODULES | {"*"})
            or (isinstance(node, ast.ImportFrom) and node.module in REVEALING_MODULES)
            or (isinstance(node, ast.Name) and node.id in REVEALING_NAMES)
            or (isinstance(node, ast.Attribute) and node.attr in REVEALING_ATTRIBUTES)
            for node in self.nodes
        )

    @cached_property
    def steady_names(self) -> bool:
        """Whether names mean what the text says: the weaker promise, for rewrites that leave evaluation as it is."""
        return not any(
            (isinstance(node, ast.alias) and node.name.partition(".")[0] in {"*", "builtins", "ctypes"})
            or (isinstance(node, ast.ImportFrom) and node.module in {"builtins", "ctypes"})
            or (isinstance(node, ast.Name) and node.id in REBINDING_NAMES)
            or (isinstance(node, ast.Attribute) and node.attr in REVEALING_ATTRIBUTES - {"__dict__"})
            for node in self.nodes
        )

    @cached_property
    def symbols(self) -> symtable.SymbolTable:
        """The compiler's own account of every scope's names."""
        return symtable.symtable(self.source, "a module", "exec")

    @cached_property
    def all_names(self) -> frozenset[str]:
        """Every name that stands anywhere in the module, in whatever role."""
        found = {node.id for node in self.nodes if isinstance(node, ast.Name)}
        found |= {node.arg for node in self.nodes if isinstance(node, ast.arg)}
        found |= {str(getattr(node, field, "")) for node in self.nodes for field in ("name", "asname", "attr")}
        return frozenset(found)

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The top-level functions whose name is bound once in the whole module."""
        found = (node for node in self.tree.body if isinstance(node, ast.FunctionDef))
        return {node.name: node for node in found if self.once(node.name)}

    def once(self, name: str) -> bool:
        """Whether exactly one statement of the module binds the global `name`."""
        return len(self.bound_at.get(name, ())) == 1

    def builtin(self, name: str, scope: Scope) -> bool:
        """Whether `name`, read inside `scope`, is the interpreter's own and not rebound here."""
        return name not in scope.locals and name not in self.bound_at

    def math_function(self, name: str) -> bool:
        """Whether the global `name` is a function or constant got by `from math import ...`."""
        node = self.bound_at[name][0] if self.once(name) else None
        if not (isinstance(node, ast.ImportFrom) and node.module == "math" and node in self.tree.body):
            return False
        return node.level == 0 and any(item.name == name and item.asname is None for item in node.names)

    def steady(self, name: str, before: ast.stmt) -> ast.expr | None:
        """The value of the global `name` if it is bound once, by a simple top-level statement above `before`."""
        if not (self.settled and self.once(name)):
            return None
        node = self.bound_at[name][0]
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node not in self.tree.body:
            return None
        simple = isinstance(node, ast.AnnAssign) or isinstance(node.targets[0], ast.Name)
        return node.value if simple and node.lineno < before.lineno else None

    def filled(self, name: str) -> bool:
        """Whether a statement anywhere stores into the global `name`."""
        for node in self.nodes:
            if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name):
                changing = isinstance(node, ast.Attribute) and node.attr in CHANGING_METHODS
                if node.value.id == name and (changing or not isinstance(node.ctx, ast.Load)):
                    return True
        return False

    def _bindings(self) -> dict[str, list[ast.AST]]:
        """Global name -> the statements that bind it; a `global` declaration counts as two of them."""
        found: dict[str, list[ast.AST]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Global):
                for name in node.names * 2:
                    found.setdefault(name, []).append(node)
        pending: list[tuple[ast.AST, ast.AST]] = [(node, node) for node in self.tree.body]
        while pending:
            node, statement = pending.pop()
            for name in _binds(node):
                found.setdefault(name, []).append(statement)
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
                below = ast.iter_child_nodes(node)
                pending += [(item, item if isinstance(item, ast.stmt) else statement) for item in below]
        return found


def _binds(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [item.asname or item.name.partition(".")[0] for item in node.names]
    if isinstance(node, ast.MatchAs | ast.MatchStar):
        return [node.name] if node.name else []
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    return names_bound([node])
