"""Try calls of a function in the jail before anything is written: do they run there, how long, always the same?

What cannot work later is said now, in one error. The same trials say which variants of the calls are fair (the
function goes on as before, for about as long), how much longer the calls should be so that they can be timed, and how
many of them make one input.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from selfproof.jail import Job, Limits, Outcome, Pool, values
from selfproof.nouns import Files, SelfproofError, UsageError
from selfproof.trial import replay
from selfproof.trial.calls import is_object
from selfproof.trial.recorded import VARIANTS, Call, variant

WALL_S: Final = 60.0
LOOKED_AT: Final = 24  # calls that a question is asked of
COMPARED: Final = 6  # calls that are made again and again to see whether they always answer the same
FAIR_SHARE: Final = 0.9  # of the variants that must end as the call did
FAIR_TIME: Final = 2.0  # how much longer or shorter they may take, in the median
INPUT_S: Final = 0.04  # what one input should keep the function busy for
INPUT_BYTES: Final = 1 << 19
LONGER_BYTES: Final = 40_000  # of one of the calls that are made longer
MOST_CALLS: Final = 48
LEAST_CALLS: Final = 4
SHORT_S: Final = 1e-4  # calls below this are made longer where that is possible
LONG_S: Final = 1e-3
LONGEST: Final = 1 << 12  # how many times as long


class CannotCompare(UsageError):
    """What a function answers is no plain data."""


@dataclass(frozen=True)
class Tried:
    """One call: "ok" or the name of what it raised, and the seconds that it took."""

    how: str
    seconds: float


@dataclass(frozen=True)
class Staged:
    """A program and the function in it that is called, "FILE.py:function"."""

    files: Files
    place: str


class Rehearsal(AbstractContextManager["Rehearsal"]):
    """A jail with one worker, and a function in it: as it is, or ``adapted`` so that plain data stands for objects."""

    def __init__(self, plain: Staged, adapted: Staged, memory_mb: int = 1024) -> None:
        self._staged = {False: plain, True: adapted}
        self.adapted = False
        self.limits = Limits(wall_s=WALL_S, cpu_s=int(WALL_S), memory_mb=memory_mb)
        self.pool = Pool(1)

    @property
    def files(self) -> Files:
        """The program that is tried."""
        return self._staged[self.adapted].files

    @property
    def place(self) -> str:
        """The function that is called."""
        return self._staged[self.adapted].place

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the jail."""
        self.pool.close()

    def tried(self, calls: Sequence[Call]) -> list[Tried]:
        """How each call went; fewer than were asked for if the time was used up.

        Raises:
            UsageError: the program cannot be loaded, or what it answers cannot be compared.
        """
        inputs = [values.encode([call]) for call in calls]
        targets = [(replay.NOTHING, "nothing.py:nothing"), (self.files, self.place)]
        jobs = [Job(files, place, inputs, mode="replay", limits=self.limits) for files, place in targets]
        empty, outcome = self._run(jobs)
        if outcome.status != "ok" and not (outcome.status == "timeout" and outcome.outputs):
            raise self._error(outcome)
        found = []
        for data, seconds, idle in zip(outcome.outputs, outcome.seconds, empty.seconds, strict=False):
            answers = values.decode(data)
            assert isinstance(answers, list)
            found.append(
                Tried("ok" if answers[0][0] == "ok" else str(answers[0][1]), max(seconds - idle, 0.05 * seconds))
            )
        return found

    def check_steady(self, calls: Sequence[Call]) -> None:
        """See that the function answers the same call with the same, in one process and in another.

        Raises:
            UsageError: it does not, or its answers cannot be compared.
        """
        job = replay.observe_job(self.files, self.place, calls[:COMPARED], self.limits)
        first, second = self._run([job, job])
        if first.status != "ok":
            raise self._error(first)
        if replay.differs(first, second):
            raise UsageError(
                f"{self.place} does not always answer the same call with the same",
                advice="Its answers could not be compared: take out chance and clocks, or pass a seed as an argument.",
            )

    def _run(self, jobs: Sequence[Job]) -> list[Outcome]:
        outcomes = self.pool.map(jobs)
        if failed := next((o for o in outcomes if o.status == "jail_failed"), None):
            raise SelfproofError(
                f"the jail failed: {failed.message}", advice="`selfproof sandbox check` shows what this machine can do."
            )
        return outcomes

    def _error(self, outcome: Outcome) -> UsageError:
        said = (outcome.message or "no answer").splitlines()[0]
        if outcome.status == "invalid_output" or "cannot be compared" in said:
            return CannotCompare(
                f"{self.place} answers with something that cannot be compared: {said}",
                advice="Name a function that takes and returns plain data: numbers, text, lists, dicts, arrays.",
            )
        advice = "A package may be missing here: install selfproof where your project runs."
        if outcome.status != "error" or not ("Import" in said or "ModuleNotFound" in said):
            advice = "Inside the jail there are no files but the program's own, no network and no other processes."
        return UsageError(f"{self.place} does not run in the jail: {outcome.status}: {said}", advice=advice)


def fair_kinds(rehearsal: Rehearsal, calls: Sequence[Call], before: Sequence[Tried]) -> tuple[str, ...]:
    """Kinds of variants that change these calls, and under which the function does as before for about as long."""
    rng = random.Random(0)
    some = rng.sample(range(len(before)), min(LOOKED_AT, len(before)))
    found = []
    for kind in VARIANTS:
        pairs = [(place, variant(calls[place], kind, rng)) for place in some]
        pairs = [(place, call) for place, call in pairs if values.encode(call) != values.encode(calls[place])]
        if 2 * len(pairs) < len(some):
            continue
        after = rehearsal.tried([call for _, call in pairs])
        same = sum(before[place].how == now.how for (place, _), now in zip(pairs, after, strict=False))
        times = [max(now.seconds, 1e-7) / max(before[place].seconds, 1e-7)
                 for (place, _), now in zip(pairs, after, strict=False)]  # fmt: skip
        if same >= FAIR_SHARE * len(pairs) and 1 / FAIR_TIME <= statistics.median(times) <= FAIR_TIME:
            found.append(kind)
    return tuple(found)


def grown(rehearsal: Rehearsal, calls: Sequence[Call], before: Sequence[Tried]) -> list[Call]:
    """Longer calls, if these are too short to be timed: lists and texts repeated until a call takes a millisecond.

    Empty if the calls are long enough already, or longer ones do not end as they did.
    """
    answered = [place for place, one in enumerate(before) if one.how == "ok"]
    if not answered or statistics.median(one.seconds for one in before) >= SHORT_S:
        return []
    rng, some = random.Random(0), [calls[place] for place in answered[:LOOKED_AT]]
    sizes = [len(values.encode(call)) for call in some]
    best: list[Call] = []
    times = 4
    while times <= LONGEST:
        small = [(call, size) for call, size in zip(some, sizes, strict=True) if size * times < LONGER_BYTES]
        made = [(_longer(call, times, rng, rehearsal.adapted), size) for call, size in small]
        longer = [call for call, size in made if len(values.encode(call)) > size]
        if 2 * len(longer) < len(some):
            break
        after = rehearsal.tried(longer)
        if len(after) < len(longer) or sum(one.how == "ok" for one in after) < FAIR_SHARE * len(longer):
            break
        if statistics.median(one.seconds for one in after) > 100 * LONG_S:
            break
        best = longer
        if statistics.median(one.seconds for one in after) >= LONG_S:
            break
        times *= 4
    return best


def _longer(call: Call, times: int, rng: random.Random, adapted: bool) -> Call:
    """Lists and texts among the arguments ``times`` as long; everything else as it is."""
    if adapted:
        arguments, keywords = call
        return [tuple(_repeated(one, times, rng) for one in arguments),
                {name: _repeated(one, times, rng) for name, one in keywords.items()}]  # fmt: skip
    return [_repeated(argument, times, rng) for argument in call]


def _repeated(value: Any, times: int, rng: random.Random) -> Any:
    """A list or text made of its own items, each as many times, in another order."""
    if is_object(value):
        return value
    if type(value) in (list, tuple) and value:
        return type(value)(item for _ in range(times) for item in rng.sample(list(value), len(value)))
    if type(value) is str and value:
        words = value.split(" ")
        return " ".join(" ".join(rng.sample(words, len(words))) for _ in range(times))
    return value * times if type(value) is bytes else value


def calls_of_an_input(calls: Sequence[Call], before: Sequence[Tried]) -> int:
    """How many calls keep the function busy for long enough to be timed, within bounds of number and bytes."""
    each = statistics.median(one.seconds for one in before)
    size = max(len(values.encode(call)) for call in calls)
    return max(LEAST_CALLS, min(MOST_CALLS, round(INPUT_S / max(each, 1e-6)), INPUT_BYTES // size))
