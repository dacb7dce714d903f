"""Import a program's files from memory: nothing of a candidate is ever on disk where it runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType


class Program(MetaPathFinder, InspectLoader):
    """A program's files as importable modules: "a/b.py" is `a.b`, folders are packages.

    Raises ImportError for a file whose name is taken: which of the two was meant would depend on what is
    preloaded.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        """Name the modules; nothing is compiled yet."""
        self._sources: dict[str, tuple[str, str]] = {}  # module -> path, source
        self._packages: set[str] = set()
        for path, source in files.items():
            if path.endswith(".py"):
                self._add(path, source)
        for name in self._sources:
            if name in sys.modules or name.split(".")[0] in sys.builtin_module_names:
                raise ImportError(f"{self._sources[name][0]} has the name of a library module; rename the file")

    def _add(self, path: str, source: str) -> None:
        parts = path.removesuffix(".py").split("/")
        if parts[-1] == "__init__":
            parts.pop()
            self._packages.add(".".join(parts))
        self._sources[".".join(parts)] = (path, source)
        for end in range(1, len(parts)):
            package = ".".join(parts[:end])
            self._packages.add(package)
            self._sources.setdefault(package, ("/".join([*parts[:end], "__init__.py"]), ""))

    def load(self, entry: str) -> tuple[Callable[..., object], dict[str, ModuleType]]:
        """Import the file of "file.py:function"; return the function and the program's modules loaded by
        then.

        Raises ImportError when file or function is missing, and whatever the program raises.
        """
        path, _, function = entry.partition(":")
        name = next((module for module, (home, _) in self._sources.items() if home == path), None)
        if name is None:
            raise ImportError(f"the program has no file {path}")
        found = getattr(importlib.import_module(name), function, None)
        if not callable(found):
            raise ImportError(f"{path} defines no function {function}")
        return found, {module: sys.modules[module] for module in self._sources if module in sys.modules}

    def forget(self) -> None:
        """Take the program's modules out of the interpreter."""
        for module in self._sources:
            sys.modules.pop(module, None)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the program's own modules only."""
        if fullname not in self._sources:
            return None
        spec = ModuleSpec(fullname, self, origin=self._sources[fullname][0], is_package=self.is_package(fullname))
        spec.has_location = True
        return spec

    def is_package(self, fullname: str) -> bool:
        """Tell whether a module has modules below it."""
        return fullname in self._packages

    def get_source(self, fullname: str) -> str:
        """Return a module's source, for tracebacks and `inspect`."""
        return self._sources[fullname][1]

    def get_code(self, fullname: str) -> CodeType:
        """Compile a module under its own path. Raises SyntaxError."""
        path, source = self._sources[fullname]
        return compile(source, path, "exec", dont_inherit=True)
