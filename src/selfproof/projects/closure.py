"""Which files of a project a module needs: its own pure-Python files, found by reading imports, never by running them.

Does not see what is imported by a computed name (``importlib.import_module(...)``), nor compiled extensions.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.nouns import UsageError

MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Source:
    """A module's file: its dotted name, where it is, and the folder that it is imported from.

    ``own`` says that it belongs to the project; else it is of the standard library or an installed package.
    """

    module: str
    path: Path
    root: Path
    own: bool

    @property
    def inside(self) -> str:
        """Its path below the folder that it is imported from, which is its path in the program too."""
        return self.path.relative_to(self.root).as_posix()

    @property
    def is_package(self) -> bool:
        """Whether it is a package's ``__init__.py``."""
        return self.path.name == "__init__.py"


def project_of(folder: Path) -> Path:
    """The project that a folder is in: the nearest one above with a pyproject.toml, setup.py or .git, or itself."""
    start = folder.resolve()
    return next((p for p in (start, *start.parents) if any((p / m).exists() for m in MARKERS)), start)


def import_roots(project: Path) -> list[Path]:
    """Folders of a project that its modules are imported from: what pyproject.toml names, ``src``, the project."""
    found = [project / name for name in _named_roots(project)]
    found += [project / "src", project]
    return list(dict.fromkeys(path.resolve() for path in found if path.is_dir()))


def _named_roots(project: Path) -> list[str]:
    try:
        data: Any = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return []
    names: list[str] = []
    for path in (("tool", "setuptools", "packages", "find", "where"), ("tool", "setuptools", "package-dir"),
                 ("tool", "pytest", "ini_options", "pythonpath")):  # fmt: skip
        value = data
        for key in path:
            value = value.get(key, {}) if isinstance(value, dict) else {}
        if isinstance(value, dict):
            value = [value[""]] if isinstance(value.get(""), str) else []
        names += [value] if isinstance(value, str) else [name for name in value if isinstance(name, str)]
    return names


def locate(project: Path, module: str) -> Source | None:
    """The source file of a module: of the project if it has one, else of an installed package; None without one."""
    for root in import_roots(project):
        if found := _below(root, module):
            return Source(module, found, root, not set(INSTALLED) & set(found.relative_to(root).parts))
    return _installed(project, module)


def _below(root: Path, module: str) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((p for p in (base / "__init__.py", base.with_name(base.name + ".py")) if p.is_file()), None)


def _installed(project: Path, module: str) -> Source | None:
    """Found on Python's own path, one package at a time, so that nothing is imported for it."""
    path: Sequence[str] | None = None
    spec: importlib.machinery.ModuleSpec | None = None
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:end]), path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    origin = Path(spec.origin).resolve()
    root = origin.parents[len(parts) - (0 if origin.name == "__init__.py" else 1)]
    own = project in origin.parents and not set(INSTALLED) & set(origin.parts)
    return Source(module, origin, root, own)


def needed(project: Path, first: Source) -> list[Source]:
    """The project's own files that a module needs, itself included, in the order of their paths.

    Raises:
        UsageError: one of them cannot be read as Python.
    """
    found = {first.module: first}
    waiting = [first]
    for name in _parents(first.module):
        if (package := locate(project, name)) is not None and package.own:
            found[name] = package
            waiting.append(package)
    while waiting:
        source = waiting.pop()
        for name in imported(source):
            if name in found:
                continue
            other = locate(project, name)
            if other is not None and other.own:
                found[name] = other
                waiting.append(other)
    return sorted(found.values(), key=lambda s: s.inside)


def imported(source: Source) -> list[str]:
    """Dotted names that a file may import, every package above each of them included, none twice.

    Raises:
        UsageError: it is no Python that can be read.
    """
    names: list[str] = []
    for node in _walk(parsed(source.path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (base := origin(source, node)) is not None:
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(part for name in names for part in (*_parents(name), name)))


def origin(source: Source, node: ast.ImportFrom) -> str | None:
    """The module that a ``from`` import names, relative ones resolved; None if it leads out of the package."""
    if not node.level:
        return node.module
    package = source.module.split(".") if source.is_package else source.module.split(".")[:-1]
    if node.level - 1 >= len(package):
        return None
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *filter(None, [node.module])])


def parsed(path: Path) -> ast.Module:
    """A file's syntax tree.

    Raises:
        UsageError: it cannot be read, or is no Python.
    """
    try:
        return ast.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read as Python: {error}") from None


def _walk(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node but those below ``if TYPE_CHECKING``, which never run."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def is_taken(name: str) -> bool:
    """Whether a top-level name belongs to Python or to what the jail has loaded before a program comes."""
    return name in sys.stdlib_module_names or name in {"numpy", "msgspec", "selfproof"}
