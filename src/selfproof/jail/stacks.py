"""Inside the jail: how long each function takes, in all (`hot`) and where it is called from (`tree`).

In a tree, own time is measured between two events of the interpreter (`sys.setprofile`), less what the recorder itself
takes. Functions that are called very often look longer than they are, as under every deterministic profiler.

Does not protect against: the program, which shares the process and may tell whatever it likes; other threads of its own
are not seen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection
from types import CodeType, FrameType
from typing import Any, Final

DEEPEST: Final = 64
NODES: Final = 2000
LEAST: Final = 0.004
"""Share of the whole, with calls, below which a call's time is its caller's."""
SECONDS: Final = 2.0
"""After which nothing more is recorded, and the run goes on at its usual speed."""


class _Call:
    """One function where it is called from."""

    def __init__(self, name: str, depth: int) -> None:
        self.name, self.depth, self.calls, self.own = name, depth, 0, 0.0
        self.below: dict[str, _Call] = {}

    def whole(self) -> float:
        return self.own + sum(one.whole() for one in self.below.values())


class _Recorder:
    """What `sys.setprofile` calls."""

    def __init__(self, paths: Collection[str | None]) -> None:
        self._paths, self._count = paths, 1
        self.root = _Call("", 0)
        self._at: list[_Call] = [self.root]
        self._names: dict[CodeType, str | None] = {}
        self._last = self._began = time.perf_counter()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        now = time.perf_counter()
        self._at[-1].own += now - self._last
        if event == "call":
            self._at.append(self._called(frame.f_code))
        elif event == "return" and len(self._at) > 1:
            self._at.pop()
        if now - self._began > SECONDS:
            sys.setprofile(None)
        self._last = time.perf_counter()

    def _called(self, code: CodeType) -> _Call:
        """Where this call is in the tree: below its caller; at its caller where it is none of the program's own."""
        caller = self._at[-1]
        if code not in self._names:
            owner = code.co_qualname.partition(".<locals>")[0]
            self._names[code] = f"{code.co_filename}:{owner}" if code.co_filename in self._paths else None
        name = self._names[code]
        if name is None or caller.name == name or caller.depth >= DEEPEST:
            return caller
        if name not in caller.below:
            if self._count >= NODES:
                return caller
            self._count += 1
            caller.below[name] = _Call(name, caller.depth + 1)
        found = caller.below[name]
        found.calls += 1
        return found


def tree(function: Callable[[Any], Any], paths: Collection[str | None], given: object) -> list[list[object]]:
    """Call the function once; rows [parent's row or -1, "file.py:function", calls, own seconds], parents first."""
    recorder = _Recorder(paths)
    sys.setprofile(recorder)
    try:
        function(given)
    finally:
        sys.setprofile(None)
    rows: list[list[object]] = []
    least = LEAST * recorder.root.whole()
    waiting = [(call, -1) for call in recorder.root.below.values()]
    while waiting:
        call, parent = waiting.pop()
        small = [one for one in call.below.values() if one.whole() < least]
        rows.append([parent, call.name, call.calls, call.own + sum(one.whole() for one in small)])
        waiting += [(one, len(rows) - 1) for one in call.below.values() if one.whole() >= least]
    return rows


def hot(function: Callable[[Any], Any], paths: Collection[str | None], given: object) -> list[Any]:
    """Call the function once; [path, function, calls, own seconds, cumulative seconds] by own time, longest first."""
    import cProfile

    profiler = cProfile.Profile(builtins=False)
    profiler.runcall(function, given)
    rows: dict[tuple[str, str], list[Any]] = {}
    for entry in profiler.getstats():
        code = entry.code
        if isinstance(code, CodeType) and code.co_filename in paths:
            owner = code.co_qualname.partition(".<locals>")[0]
            row = rows.setdefault((code.co_filename, owner), [0, 0.0, 0.0])
            row[1] += entry.inlinetime
            if owner == code.co_qualname:
                row[0] += entry.callcount
                row[2] += entry.totaltime
    return sorted(([*key, *row] for key, row in rows.items()), key=lambda row: (-row[3], row[:2]))
