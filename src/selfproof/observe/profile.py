"""Where a program spends its time: a profile of its own run in the jail, and the calls that its hot functions get.

The program under the profiler is untrusted, so both answers are only its own claim: they say where to look and with
what inputs to start, and decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfproof.archive.tree import matches
from selfproof.jail import Job, Limits, Outcome, values
from selfproof.nouns import Files


@dataclass(frozen=True)
class Hot:
    """A function, or a method "Class.name", that the profile names.

    Shares are of the run's total time, own and with what it calls.
    """

    path: str
    function: str
    calls: int
    own: float
    share: float

    @property
    def place(self) -> str:
        """ "FILE.py:function"."""
        return f"{self.path}:{self.function}"


def profile_job(files: Files, entry: str, view: Any, limits: Limits, *, tree: bool = False) -> Job:
    """Run the entry once under the profiler; with ``tree`` once more for who calls whom."""
    return _job(files, entry, {"input": view, "record": [], "tree": tree}, limits)


def record_job(files: Files, entry: str, view: Any, places: Sequence[str], keep: int, size: int, limits: Limits) -> Job:
    """Run the entry once and keep up to ``keep`` calls of each place, ``size`` bytes in all."""
    wish = {"input": view, "times": False, "record": list(places), "keep": keep, "bytes": size}
    return _job(files, entry, wish, limits)


def _job(files: Files, entry: str, value: Mapping[str, Any], limits: Limits) -> Job:
    return Job(files=files, entry=entry, inputs=[values.encode(dict(value))], mode="profile", limits=limits)


def _answer(outcome: Outcome) -> Mapping[str, Any]:
    answer = values.decode(outcome.outputs[0]) if outcome.status == "ok" else {}
    return answer if isinstance(answer, dict) else {}


def hot_functions(outcome: Outcome, files: Files, globs: Sequence[str], least: float, most: int) -> list[Hot]:
    """The functions of the matching files by their own time, at least ``least`` of the whole with what they call."""
    table = _answer(outcome).get("hot", [])
    rows = [row for row in table if _is_row(row)] if isinstance(table, list) else []
    total = sum(float(row[3]) for row in rows) or 1.0
    found = [
        Hot(path, function, calls, own / total, cumulative / total)
        for path, function, calls, own, cumulative in rows
        if path in files and matches(path, globs) and _is_name(function)
    ]
    return [hot for hot in found if hot.share >= least][:most]


def called(outcome: Outcome, files: Files) -> frozenset[str]:
    """Every function and method of the program that ran, "FILE.py:Class.method"."""
    table = _answer(outcome).get("hot", [])
    rows = [row for row in table if _is_row(row)] if isinstance(table, list) else []
    return frozenset(f"{row[0]}:{row[1]}" for row in rows if row[0] in files and _is_name(row[1]))


MOST_CALLS = 1000
"""Rows of a tree of calls that are read."""


def call_tree(outcome: Outcome, files: Files) -> list[list[Any]]:
    """Who calls whom and how long it takes: rows [parent's row or -1, "FILE.py:function", calls, own seconds].

    Empty where the program told anything else: an untrusted one wrote it, and nothing rests on it.
    """
    rows = _answer(outcome).get("tree", [])
    if not isinstance(rows, list) or len(rows) > MOST_CALLS:
        return []
    return rows if all(_is_call(number, row, files) for number, row in enumerate(rows)) else []


def _is_call(number: int, row: object, files: Files) -> bool:
    if not isinstance(row, list) or len(row) != 4:
        return False
    parent, name, calls, own = row
    path, _, function = name.partition(":") if isinstance(name, str) and len(name) <= 300 else ("", "", "")
    return (
        type(parent) is int and -1 <= parent < number
        and path in files and _is_name(function.replace("<lambda>", "anonymous"))
        and type(calls) is int and 0 <= calls < 1 << 53 and isinstance(own, float) and math.isfinite(own) and own >= 0
    )  # fmt: skip


def _is_name(function: str) -> bool:
    return all(part.isidentifier() for part in function.split("."))


def _is_row(row: object) -> bool:
    """[path, function, calls, own seconds, cumulative seconds], nothing else: an untrusted program wrote it."""
    if not isinstance(row, list) or len(row) != 5:
        return False
    path, function, calls, own, cumulative = row
    return (
        isinstance(path, str) and isinstance(function, str) and len(path) <= 200 and len(function) <= 100
        and type(calls) is int and 0 <= calls < 1 << 53
        and all(isinstance(value, float) and math.isfinite(value) and value >= 0 for value in (own, cumulative))
    )  # fmt: skip


def recorded_calls(outcome: Outcome) -> dict[str, list[list[Any]]]:
    """Argument lists by place."""
    calls = _answer(outcome).get("calls", {})
    if not isinstance(calls, dict):
        return {}
    return {
        str(place): [call for call in found if isinstance(call, list)]
        for place, found in calls.items()
        if isinstance(found, list)
    }
