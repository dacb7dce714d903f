"""What is in a project, as far as its files say it: tests, scripts, functions that could be slow. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from selfproof.projects import closure, recording

SKIPPED = frozenset({"tests", "test", "docs", "build", "dist", "venv", "node_modules", "living", "site-packages"})
MOST_FILES = 500
MOST_SHOWN = 8
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Found:
    """What ``init`` may offer: the command of the project's tests ("" for none), scripts, and functions.

    ``functions`` are "package.module:function", those with the deepest loops first; ``benchmarks`` are test files that
    use the fixture of pytest-benchmark.
    """

    project: Path
    tests: str
    scripts: tuple[str, ...]
    functions: tuple[str, ...]
    benchmarks: tuple[str, ...]


def project(folder: Path) -> Found:
    """Look at the project that a folder is in."""
    home = closure.project_of(folder)
    scripts: list[str] = []
    functions: list[tuple[int, str]] = []
    for root in closure.import_roots(home):
        for path in _files(root, home):
            tree = _parsed(path)
            if tree is None:
                continue
            module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            if any(isinstance(node, ast.If) and "__main__" in ast.dump(node.test) for node in tree.body):
                scripts.append(path.relative_to(home).as_posix())
            functions += [
                (-depth(node), f"{module}:{node.name}")
                for node in tree.body
                if isinstance(node, ast.FunctionDef) and depth(node) > 0 and node.name != "main"
            ]
    names = list(dict.fromkeys(name for _, name in sorted(functions)))
    return Found(
        home, recording.default_command(home) or "", tuple(dict.fromkeys(scripts))[:MOST_SHOWN],
        tuple(names[:MOST_SHOWN]), tuple(benchmarks(home)),
    )  # fmt: skip


def depth(node: ast.AST) -> int:
    """How deeply loops are nested in a function."""
    inner = max((depth(child) for child in ast.iter_child_nodes(node)), default=0)
    return inner + isinstance(node, LOOPS)


def benchmarks(home: Path) -> list[str]:
    """Test files with a function that takes the fixture ``benchmark``."""
    found = []
    for folder in (home / "tests", home / "test", home / "benchmarks", home):
        for path in sorted(folder.glob("*.py" if folder != home else "test_*.py"))[:MOST_FILES]:
            tree = _parsed(path)
            takes = (
                argument.arg == "benchmark"
                for node in ast.walk(tree or ast.Module([], []))
                if isinstance(node, ast.FunctionDef)
                for argument in node.args.args
            )
            if any(takes):
                found.append(path.relative_to(home).as_posix())
    return list(dict.fromkeys(found))


def _files(root: Path, home: Path) -> Iterator[Path]:
    """Python files below a root that are neither tests nor somebody else's; those below another root once."""
    taken = 0
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        tests = parts[-1].startswith("test_") or parts[-1] in {"conftest.py", "setup.py"}
        if tests or any(part in SKIPPED or part.startswith(".") for part in parts[:-1]):
            continue
        if root == home and parts[0] == "src":
            continue
        taken += 1
        if taken > MOST_FILES:
            return
        yield path


def _parsed(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_text("utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
