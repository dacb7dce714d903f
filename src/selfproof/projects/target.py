"""The function that a person names, and the files that come with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from selfproof.nouns import SelfproofError, UsageError
from selfproof.projects import closure, origin
from selfproof.projects.closure import Source
from selfproof.projects.origin import Original

COPY = "copied_"
_FROM = re.compile(r"from(\s*)(\.*)(\s*)([\w.]*)(\s+import\b)")


@dataclass(frozen=True)
class Target:
    """The function that should get faster: where its module is, and its definition.

    ``module`` is what the program calls the module: another name than the user's if that would collide.
    """

    source: Source
    function: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    tree: ast.Module
    module: str

    @property
    def needs_adapter(self) -> bool:
        """Whether it cannot be called with plain data and answer with it: a method, a generator, or async."""
        is_generator = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(self.node))
        return "." in self.function or isinstance(self.node, ast.AsyncFunctionDef) or is_generator

    @property
    def grafted(self) -> bool:
        """Whether the program has it under another name."""
        return self.module != self.source.module

    @property
    def inside(self) -> str:
        """The path of its file in the program."""
        return self.module.replace(".", "/") + ".py" if self.grafted else self.source.inside

    @property
    def place(self) -> str:
        """ "FILE.py:function" in the program."""
        return f"{self.inside}:{self.function}"


def find(project: Path, place: str) -> Target:
    """The function that ``pkg.mod:func`` (or ``path/mod.py:func``) names.

    Raises:
        UsageError: there is none.
    """
    module, _, name = place.rpartition(":")
    if module.endswith(".py"):
        module = _module_of(project, module)
    if not module or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise UsageError(f"{place!r} names no function", advice="Write it as package.module:function.")
    source = closure.locate(project, module)
    if source is None:
        raise UsageError(
            f"no Python file for the module {module!r} is found from {project}",
            advice="Type this in your project's folder, or name it: --project DIR",
        )
    tree = closure.parsed(source.path)
    taken = closure.is_taken(module.split(".")[0])
    called = COPY + module.replace(".", "_") if taken or not source.own else module
    return Target(source, name, definition(source.path, tree, name), tree, called)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body, but for functions in it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _own(node)


def _module_of(project: Path, path: str) -> str:
    whole = next((p for p in ((project / path).resolve(), Path(path).resolve()) if p.is_file()), None)
    for root in closure.import_roots(project) if whole is not None else []:
        if whole is not None and root in whole.parents:
            return ".".join(whole.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    raise UsageError(
        f"{path} is no file of {project}", advice="Name a file of the project, or package.module:function."
    )


def definition(path: Path, tree: ast.Module, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The last definition of a function on a module's top level, or of a method in its class.

    Raises:
        UsageError: there is none.
    """
    body = tree.body
    *classes, last = name.split(".")
    for part in classes:
        body = next((node.body for node in reversed(body) if isinstance(node, ast.ClassDef) and node.name == part), [])
    functions = {n.name: n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    if last not in functions:
        near = ", ".join(functions) or "none"
        where = f"class {'.'.join(classes)} in {path}" if classes else str(path)
        raise UsageError(f"{where} defines no function {last!r}", advice=f"It defines: {near}.")
    return functions[last]


def files(project: Path, target: Target) -> tuple[dict[str, str], dict[str, Original]]:
    """The texts that come into the program, by path there, and what each is a copy of.

    Of the user's own project all that the module needs; of an installed package the module alone, under another name,
    since what it imports is installed in the jail as well.

    Raises:
        UsageError: a file is no UTF-8 text, or the module cannot be copied under another name.
    """
    texts: dict[str, str] = {}
    originals: dict[str, Original] = {}
    first = target.source
    sources = closure.needed(project, first) if first.own else [first]
    for source in sources:
        text, digest = origin.taken(source.path)
        inside, grafted = source.inside, source == first and target.grafted
        if grafted:
            inside, text = target.inside, absolute_imports(source, text)
        texts[inside] = text
        if first.own:
            originals[inside] = Original(origin.relative(source.path, project), digest, "", grafted)
        else:
            originals[inside] = Original(source.inside, digest, str(source.root), grafted)
    return texts, originals


def same_name(module: str, names: Sequence[str]) -> str:
    """A module under its own name."""
    del names
    return module


def absolute_imports(source: Source, text: str, called: Callable[[str, Sequence[str]], str] = same_name) -> str:
    """A module's text with relative imports made absolute, line by line as long as before.

    ``called`` says under which name a module is to be imported, given what is imported from it.

    Raises:
        UsageError: one of them is written in a way that cannot be changed in its line.
    """
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ImportFrom):
            continue
        named = closure.origin(source, node)
        named = called(named, [alias.name for alias in node.names]) if named is not None else None
        if named == node.module and not node.level:
            continue
        line = lines[node.lineno - 1]
        found = _FROM.match(line, len(line.encode()[: node.col_offset].decode()))
        if named is None or found is None:
            raise UsageError(f"{source.path}:{node.lineno}: this import cannot be made absolute")
        lines[node.lineno - 1] = line[: found.start()] + f"from {named} import" + line[found.end() :]
    changed = "\n".join(lines)
    if len(ast.parse(changed).body) != len(ast.parse(text).body):
        raise SelfproofError(f"{source.path} was not copied well")
    return changed
