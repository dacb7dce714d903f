"""The calls that a function is timed on: recorded while the user's own code runs, or made from its type hints."""

from __future__ import annotations

import contextlib
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selfproof.jail import values
from selfproof.nouns import Split, UsageError
from selfproof.projects import recording, rehearsal
from selfproof.projects.hints import Hints
from selfproof.projects.recording import Recorded
from selfproof.projects.rehearsal import LONG_S, CannotCompare, Rehearsal, Tried
from selfproof.projects.target import Target
from selfproof.trial.recorded import Call, RecordedCalls

GENERATED: Final = 160
SMALL: Final = 24  # of them, for edge cases
PLAIN_SHARE: Final = 0.75  # of the calls that must be plain, or the adapter is used for all
LARGEST_SIZE: Final = 1 << 15
TOO_LONG_S: Final = 0.25
LEAST: Final[Mapping[Split, int]] = {"explore": 2, "confirm": 1, "report": 1}  # calls, or nothing can be compared


@dataclass(frozen=True)
class Calls:
    """What the workload is made of: calls, longer ones made from them, kinds of variants, calls of one input.

    ``words`` say in a line where the calls come from; ``told`` is for the user.
    """

    calls: list[Call]
    longer: list[Call]
    kinds: tuple[str, ...]
    per_input: int
    words: str
    told: list[str]


def gather(
    project: Path, target: Target, rehearse: Rehearsal, record: str, generate: bool, say: Callable[[str], object],
    given: Sequence[Call] = (),
) -> Calls:  # fmt: skip
    """Find calls and try them in the jail; ``rehearse.adapted`` says afterwards whether they need the adapter.

    With ``given`` these are the calls, and nothing is recorded or made.

    Raises:
        UsageError: no call is known, or none can be used; the message says why, the advice what to do.
    """
    told: list[str] = []
    calls: list[Call] = list(given)  # each is [tuple of arguments, keywords]
    words = "Given by whoever asked for it."
    rehearse.adapted = target.needs_adapter
    command = record or ("" if generate or given else recording.default_command(project) or "")
    if command:
        say(f"recording calls while `{command}` runs")
        found = recording.record(project, target.source.module, target.function, command)
        words = f"Recorded while `{command}` ran."
        if not found.calls and (record or found.refused):
            raise nothing(target, command, found)
        calls = usable(target, command, found, rehearse, told)
    if not calls:
        if not generate:
            say("no call was recorded; making some from the type hints")
        calls, words = generated(target, rehearse), "Made from the type hints, not from real use."
        told.append(f"{len(calls)} calls were made from the type hints: real ones are better (--record SCRIPT.py)")
    return settled(rehearse, calls, words, told, say)


def recorded(
    target: Target, found: Recorded, command: str, rehearse: Rehearsal, say: Callable[[str], object]
) -> Calls:  # fmt: skip
    """The same from calls that were recorded before, while `command` ran.

    Raises:
        UsageError: there are none, or none can be used.
    """
    told: list[str] = []
    rehearse.adapted = target.needs_adapter
    if not found.calls:
        raise nothing(target, command, found)
    calls = usable(target, command, found, rehearse, told)
    return settled(rehearse, calls, f"Recorded while `{command}` ran.", told, say)


def usable(target: Target, command: str, found: Recorded, rehearse: Rehearsal, told: list[str]) -> list[Call]:
    """The recorded calls that are used; mostly objects or keywords and the adapter is, for all of them."""
    told += met(target, command, found)
    rehearse.adapted |= sum(found.plain) < PLAIN_SHARE * len(found.calls)
    calls = [call for call, plain in zip(found.calls, found.plain, strict=True) if plain or rehearse.adapted]
    if len(calls) < len(found.calls):
        told.append(f"{len(found.calls) - len(calls)} of them hold objects or keywords and are left out")
    return calls


def settled(rehearse: Rehearsal, calls: list[Call], words: str, told: list[str], say: Callable[[str], object]) -> Calls:
    """Calls as they are; or, where an object comes back, by way of the adapter."""
    try:
        return prepared(rehearse, calls, words, told, say)
    except CannotCompare:
        if rehearse.adapted:
            raise
        rehearse.adapted = True  # an object comes back: let plain data stand for it
        return prepared(rehearse, calls, words, told, say)


def met(target: Target, command: str, found: Recorded) -> list[str]:
    """What was seen while the user's code ran."""
    told = []
    if found.calls:
        told.append(
            f"{found.met} calls of {target.function} while `{command}` ran: {len(found.calls)} different ones kept"
        )
    if found.refused:
        lost = sum(found.refused.values())
        told.append(f"{lost} calls could not be kept: {'; '.join(list(found.refused)[:2])}")
    if found.failed:
        told.append(f"`{command}` failed ({found.failed})")
    return told


def nothing(target: Target, command: str, found: Recorded) -> UsageError:
    """Why there are no calls after all."""
    if found.refused:
        reason, times = max(found.refused.items(), key=lambda row: row[1])
        return UsageError(
            f"{target.function} was called {found.met} times, and no call could be kept: {reason} ({times} times)",
            advice="Name a function that takes plain data (numbers, text, lists, dicts, arrays) and calls this one.",
        )
    why = f": {found.failed}" if found.failed else ""
    return UsageError(
        f"{target.function} was not called while `{command}` ran{why}",
        advice="Give --record something that imports its module and calls it, or use --generate.",
    )


def generated(target: Target, rehearse: Rehearsal) -> list[Call]:
    """Calls, [arguments, keywords], from the type hints: so large that one takes about a millisecond, some small.

    Raises:
        UsageError: there are no hints to make values from, or most of the calls raise.
    """
    hints, rng = Hints(target.tree, target.node), random.Random(0)
    size, last = 8, 8
    while size <= LARGEST_SIZE:
        some = [_sent(hints.call(rng, size), rehearse) for _ in range(6)]
        if max(len(values.encode(call)) for call in some) > recording.TOTAL // GENERATED:
            break
        tried = rehearse.tried(some)
        if len(tried) < len(some) or max(one.seconds for one in tried) > TOO_LONG_S:
            break
        last = size
        if statistics.median(one.seconds for one in tried) >= LONG_S:
            break
        size *= 2
    sizes = [rng.randint(1, min(8, last)) for _ in range(SMALL)]
    sizes += [rng.randint(max(1, last // 2), last) for _ in range(GENERATED - SMALL)]
    once = {values.encode(call): call for call in (hints.call(rng, size) for size in sizes)}
    return [[tuple(call), {}] for call in once.values()]


def _sent(call: Call, rehearse: Rehearsal) -> Call:
    """A call's arguments as they are sent: as they are, or with keywords to the adapter."""
    return [tuple(call), {}] if rehearse.adapted else call


def prepared(
    rehearse: Rehearsal, calls: list[Call], words: str, told: list[str], say: Callable[[str], object]
) -> Calls:
    """Try the calls, and find out how to vary them.

    Raises:
        UsageError: they do not run in the jail, mostly raise, do not repeat, or are too few.
    """
    say(f"trying {len(calls)} calls in the jail")
    calls = calls if rehearse.adapted else [list(call[0]) for call in calls]
    tried = rehearse.tried(calls)
    if len(tried) < len(calls):
        told.append(f"the first {len(tried)} calls took a minute: the other {len(calls) - len(tried)} are left out")
        calls = calls[: len(tried)]
    raised = [one.how for one in tried if one.how != "ok"]
    if len(raised) == len(calls):
        raise UsageError(f"every call raises in the jail, the first one {raised[0]}", advice=RAISES)
    if 2 * len(raised) > len(calls):
        told.append(f"{len(raised)} of {len(calls)} calls raise ({max(set(raised), key=raised.count)})")
    rehearse.check_steady(calls)
    longer = rehearsal.grown(rehearse, calls, tried)
    if longer:
        told.append(
            f"a call takes {_micro(tried)} µs, too short to time: {len(longer)} longer ones were made from them"
        )
        calls_tried = rehearse.tried(longer)
    kinds = rehearsal.fair_kinds(rehearse, [*longer, *calls], [*(calls_tried if longer else []), *tried])
    per_input = rehearsal.calls_of_an_input(longer or calls, calls_tried if longer else tried)
    found = Calls(calls, longer, kinds, per_input, words, told)
    check_enough(found)
    varied = f"varied afresh for each comparison ({', '.join(kinds)})" if kinds else "and no way to vary them was found"
    told.append(f"{len(calls) + len(longer)} calls, {varied}")
    return found


RAISES = "Call it as your code does: --record SCRIPT.py. What it reads from disk is not there in the jail."


def _micro(tried: list[Tried]) -> str:
    return f"{1e6 * statistics.median(one.seconds for one in tried):.0f}"


def check_enough(found: Calls) -> None:
    """See that every split gets inputs.

    Raises:
        UsageError: it does not.
    """
    body = {"calls": [*found.longer, *found.calls], "kinds": found.kinds, "per_input": found.per_input}
    workload: RecordedCalls = type("Workload", (RecordedCalls,), body)()
    enough = False
    with contextlib.suppress(UsageError):
        enough = all(len(workload.inputs(split, 0, 1)[0]) >= least for split, least in LEAST.items())
    if not enough:
        raise UsageError(
            f"{len(found.calls)} different calls are too few: no fresh ones could be made from them",
            advice="Record more (--record SCRIPT.py), or make some from the type hints (--generate).",
        )
