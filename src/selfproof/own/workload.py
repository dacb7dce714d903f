"""A real run of an apprentice in a scratch folder, to be profiled or listened to: ``python -m selfproof.own.workload``.

The engine runs in this process as it always does. The improver runs in the jail, where nobody can listen: the views
that it got there are given once more to the template's own improver, here.
"""

from __future__ import annotations

import argparse
import ast
import cProfile
import importlib
import json
import os
import pstats
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import selfproof
from selfproof import session
from selfproof.propose import jailed

SEED = 1
ANSWERED_S = 15.0  # for the views


def main() -> None:
    """Run, then answer the views; with --profile write where the time went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="an empty folder")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--profile", type=Path)
    options = parser.parse_args()
    os.environ["SELFPROOF_EXPERIENCE"] = "off"
    profiler = cProfile.Profile(time.thread_time) if options.profile else None  # what waits is not what is slow
    if profiler is not None:
        profiler.enable()
    lived(options.folder, options.seconds)
    if profiler is not None:
        profiler.disable()
        options.profile.write_text(json.dumps(rows_of(pstats.Stats(profiler))), encoding="utf-8")


def lived(folder: Path, seconds: float) -> None:
    """The run, and its views once more."""
    with listened() as views:
        for _ in session.run(folder, seconds / 60, SEED):
            pass
    home = Path(selfproof.__file__).parent / "templates" / "apprentice" / "program"
    sys.path.insert(0, str(home))
    improver: Any = importlib.import_module("improver")
    end = time.monotonic() + ANSWERED_S
    for view in [*map(speed_view, sorted(home.glob("*.py"))), *views]:
        if time.monotonic() < end:
            improver.propose(view)


def speed_view(path: Path) -> dict[str, Any]:
    """The view of a file of the apprentice's, all of its functions hot: a run that ends early may never get there."""
    source = path.read_text("utf-8")
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {"kind": "speed", "path": path.name, "source": source, "functions": functions, "called": functions,
            "tried": [], "wanted": 64, "parent": ""}  # fmt: skip


@contextmanager
def listened() -> Iterator[list[Mapping[str, Any]]]:
    """Keep the views that are sent into the jail meanwhile."""
    views: list[Mapping[str, Any]] = []
    send: Any = jailed.request
    module: Any = jailed

    def request(*words: Any) -> Any:
        views.append(words[2])
        return send(*words)

    module.request = request
    try:
        yield views
    finally:
        module.request = send


def rows_of(stats: Any) -> list[list[Any]]:
    """[file, line, name, calls, own seconds, seconds in libraries that it calls itself] of each function."""
    root = str(Path(selfproof.__file__).parent)
    table: dict[tuple[str, int, str], list[float]] = {}
    for function, (_, calls, own, _, callers) in stats.stats.items():
        row = table.setdefault(function, [0, 0.0, 0.0])
        row[0], row[1] = calls, own
        if not function[0].startswith(root):
            for caller, times in callers.items():
                table.setdefault(caller, [0, 0.0, 0.0])[2] += times[3]
    return [[*function, *row] for function, row in table.items() if function[0].startswith(root)]


if __name__ == "__main__":
    main()
