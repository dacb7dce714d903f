"""Which of the package's functions a real run of an apprentice spends its time in."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.nouns import SelfproofError
from selfproof.own import package

MODULE = "selfproof.own.workload"
PATIENCE = 25.0  # how many times its seconds a run may take, with its end and a busy machine


@dataclass(frozen=True)
class Spot:
    """A function "Class.name" of a module, with the processor seconds that it took itself or in libraries."""

    module: str
    function: str
    calls: int
    seconds: float

    @property
    def place(self) -> str:
        """ "module:function", the package's name left out."""
        return f"{self.module.removeprefix(package.NAME + '.')}:{self.function}"


def command(folder: Path, seconds: float) -> str:
    """What is run while calls are recorded."""
    return f"python -m {MODULE} {folder} --seconds {seconds:g}"


def profiled(seconds: float) -> list[Spot]:
    """The package's functions by the time that a run of an apprentice spends in them, the longest first.

    Raises:
        SelfproofError: the run failed.
    """
    with tempfile.TemporaryDirectory(prefix="selfproof-own-") as scratch:
        table = Path(scratch) / "profile.json"
        words = [*command(Path(scratch) / "life", seconds).split(), "--profile", str(table)]
        words[0] = sys.executable
        path = [str(package.home().package.parent), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}
        try:
            done = subprocess.run(
                words, env=env, capture_output=True, text=True, timeout=60 + PATIENCE * seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise SelfproofError("a run of an apprentice did not end") from None
        if done.returncode or not table.exists():
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise SelfproofError(f"a run of an apprentice failed: {said}", advice="Try it: selfproof run --at FOLDER")
        return spots_of(json.loads(table.read_text("utf-8")))


def spots_of(rows: Sequence[Sequence[Any]]) -> list[Spot]:
    """Rows of a profile by top-level function or method: what is nested in one, a generator for instance, is part of
    it."""
    where = package.home().package
    trees: dict[str, list[tuple[str, int, int]]] = {}
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for path, line, name, calls, own, libraries in rows:
        if path not in trees:
            trees[path] = extents(Path(path))
        function = next((name for name, first, last in trees[path] if first <= line <= last), None)
        if function is None:
            continue
        module = ".".join([package.NAME, *Path(path).relative_to(where).with_suffix("").parts])
        before = found.get((module, function), (0, 0.0))
        mine = int(calls) if function.split(".")[-1] == name else 0
        found[module, function] = before[0] + mine, before[1] + own + libraries
    spots = [Spot(module, function, *row) for (module, function), row in found.items()]
    return sorted(spots, key=lambda spot: -spot.seconds)


def extents(path: Path) -> list[tuple[str, int, int]]:
    """Functions and methods of a file with their first and last line."""
    try:
        body = ast.parse(path.read_text("utf-8")).body
    except (OSError, SyntaxError, UnicodeDecodeError):
        return []
    found = []
    for node in body:
        inner: list[ast.stmt] = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for one in inner:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([one.lineno, *(decorator.lineno for decorator in one.decorator_list)])
                found.append((prefix + one.name, first, one.end_lineno or one.lineno))
    return found
