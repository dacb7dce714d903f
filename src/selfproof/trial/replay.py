"""Speed trials: the same calls on two versions, outputs compared as bytes, time by the engine's clock.

Each version answers in a fresh process. What sending the inputs costs is measured with an empty function and
subtracted, so that a ratio is of the work itself; at least a twentieth of the time stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selfproof.jail import Job, Limits, Outcome, values
from selfproof.nouns import Files
from selfproof.trial.calls import encode_calls, same

NOTHING = {"nothing.py": "def nothing(*args):\n    return None\n"}
LEAST_LEFT = 0.05


def replay_job(files: Files, place: str, calls: Sequence[Any], limits: Limits) -> Job:
    """Call the function at ``place`` with each argument list."""
    return Job(files=files, entry=place, inputs=[values.encode(list(calls))], mode="replay", limits=limits)


def empty_job(calls: Sequence[Any], limits: Limits) -> Job:
    """The same calls of a function that does nothing."""
    return replay_job(NOTHING, "nothing.py:nothing", calls, limits)


def observe_job(files: Files, place: str, calls: Sequence[Any], limits: Limits) -> Job:
    """A transcript of everything that a caller could notice."""
    return Job(files=files, entry=place, inputs=[encode_calls(calls)], mode="observe", limits=limits)


def seconds(empty: Outcome, first: Outcome, second: Outcome) -> tuple[float, float]:
    """Both versions' time less what the empty function took."""
    overhead = empty.seconds[0] if empty.status == "ok" else 0.0
    left = [max(o.seconds[0] - overhead, LEAST_LEFT * o.seconds[0]) for o in (first, second)]
    return left[0], left[1]


def differs(expected: Outcome, got: Outcome) -> str | None:
    """Why the second version's answers cannot be accepted, or None."""
    if got.status != "ok":
        return f"{got.status} on a call that the other version answers"
    return None if same(expected.outputs[0], got.outputs[0]) else "an output differs"
