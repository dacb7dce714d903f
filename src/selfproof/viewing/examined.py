"""The examination of an adopted version in words, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SHOWN = 6
CLAIMED = {"modules": "its own process says", "paths": "its own process says", "calls": "its own process says"}


def page(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """An `examined` entry line by line: (name, words). docs/tripwires.md says how to read it."""
    for kind, who in CLAIMED.items():
        names = told["new"][kind]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"new {kind}", (", ".join(names[:SHOWN]) + more + f" ({who})") if names else f"none ({who})"
    probes = told["probes"]
    if probes["not_run"]:
        yield "attacks", f"not tried: {probes['not_run']}"
    else:
        through = f"; THROUGH: {', '.join(probes['through'])}" if probes["through"] else ""
        yield (
            "attacks",
            f"{probes['stopped']} of {probes['tried']} stopped, seen from outside ({probes['tier']}){through}",
        )
    for name, row in told["measured"].items():
        if name not in {"novelty", "probes", "must_fail"}:
            numbers = (
                f"{subject} {'no number' if value is None else format(value, '.3g')}" for subject, value in row.items()
            )
            yield name, ", ".join(numbers)
    for name, row in told["must_fail"].items():
        score = "no score" if row["score"] is None else format(row["score"], ".4g")
        yield "must fail", f"{name}: {score}, the bar is {row['bar']:g}{': ABLE' if row['able'] else ''}"
