"""The recorded run that the tests of the views replay, and ways to spoil it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Path_ = tuple[str | int, ...]


def recorded() -> list[dict[str, Any]]:
    """The events of a run of 90 seconds, shortened."""
    text = (Path(__file__).parent / "data" / "run.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def summary(**changes: Any) -> dict[str, Any]:
    """The recorded summary with other top-level fields."""
    return {**recorded()[-1], **changes}


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The path of everything inside a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def spoiled(value: Any, path: Path_, change: Callable[[Any, Any], None]) -> Any:
    """A copy in which ``change(holder, key)`` was done at the path."""
    fresh = holder = copy.deepcopy(value)
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return fresh
