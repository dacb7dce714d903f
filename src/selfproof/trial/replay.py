"""Speed trials: the same calls on two versions, outputs compared as bytes, time by the engine's clock and the kernel's.

Each version answers in a fresh process. The time that counts is the larger of two: the engine's wall time, since a
program that sleeps is not fast, and the processor time of all its threads, since work that runs beside the answer is
still work. What sending the inputs costs is measured with an empty function and subtracted, so that a ratio is of the
work itself; at least a twentieth of the time stays.

The first call is an input of its own: with the time to load the program it is what a version may not pay for its speed
with (`late`). No argument list comes twice (`calls.distinct`), so that remembering answers gains nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Final

from selfproof.jail import Job, Limits, Outcome, values
from selfproof.nouns import Files
from selfproof.trial.calls import encode_calls, same

NOTHING = {"nothing.py": "def nothing(*args):\n    return None\n"}
LEAST_LEFT = 0.05
LATER_SHARE: Final = 0.25  # of the other version's load and first call
LATER_S: Final = 0.001  # seconds; what two runs of one version differ by on a busy machine


def replay_jobs(versions: Sequence[Files], place: str, calls: Sequence[Any], limits: Limits) -> list[Job]:
    """Timed jobs that call a function that does nothing, then the one at ``place`` in each version.

    Each gets every argument list, the first one as an input of its own.
    """
    parts = [values.encode(list(part)) for part in (calls[:1], calls[1:]) if part]
    targets = [(NOTHING, "nothing.py:nothing"), *((files, place) for files in versions)]
    return [Job(files, entry, parts, mode="replay", limits=limits, timed=True) for files, entry in targets]


def observe_job(files: Files, place: str, calls: Sequence[Any], limits: Limits) -> Job:
    """A transcript of everything that a caller could notice."""
    return Job(files=files, entry=place, inputs=[encode_calls(calls)], mode="observe", limits=limits)


def counted(one: Outcome, empty: Outcome | None = None) -> float:
    """Seconds of all answers: the larger of wall time and processor time, each less what the empty function took."""
    idle = empty if empty is not None and empty.status == "ok" else None
    wall = _less(sum(one.seconds), sum(idle.seconds) if idle else 0.0)
    return max(wall, _less(sum(one.cpu), sum(idle.cpu) if idle else 0.0))


def _less(spent: float, overhead: float) -> float:
    return max(spent - overhead, LEAST_LEFT * spent)


def starting(one: Outcome) -> float:
    """Seconds until the program has loaded and made its first call, by the same rule."""
    return one.load_seconds + max(one.seconds[:1] + one.cpu[:1])


def late(starts: Sequence[tuple[float, float]]) -> str | None:
    """Why the second version starts too late, or None; ``starts`` are seconds of both versions, pair by pair.

    In the median pair it may take a quarter and a millisecond more than the first: a table that is built when the
    program loads, or in the first call, is work that was moved, not saved. Nothing measured is a refusal too.
    """
    if not starts:
        return "its time to load and to make a first call was not measured"
    if statistics.median(two - (1 + LATER_SHARE) * one for one, two in starts) <= LATER_S:
        return None
    before, after = (1e3 * statistics.median(column) for column in zip(*starts, strict=True))
    return f"load and first call take {after:.1f} ms, in the version before {before:.1f} ms: work was moved there"


def differs(expected: Outcome, got: Outcome) -> str | None:
    """Why the second version's answers cannot be accepted, or None."""
    if got.status != "ok":
        return f"{got.status} on a call that the other version answers"
    pairs = zip(expected.outputs, got.outputs, strict=False)
    if len(expected.outputs) == len(got.outputs) and all(same(a, b) for a, b in pairs):
        return None
    return "an output differs"
