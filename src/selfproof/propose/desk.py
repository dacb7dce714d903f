"""The desk: models, agents and people's scripts suggest edits in threads of their own, while the workers race others.

Which of them is asked next is a bandit's choice (Thompson sampling over the share of suggestions that were kept, per
dollar where money is spent). Nothing that they say is trusted: a suggestion becomes an edit like any other. A proposer
that fails is left alone for a while, twice as long each time; one that cannot be helped is not asked again.

In step (a run with a seed) each turn takes exactly what the questions of the turn before brought, in their order, so
that what is tried follows from the answers alone; a turn then waits for the slowest.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from selfproof.nouns import Edit, Event
from selfproof.propose.brief import Brief, Proposer, ProposerFailed, Spent, Suggestion
from selfproof.propose.form import sound
from selfproof.propose.jailed import plain

FIRST_REST_S = 1.0
LONGEST_REST_S = 300.0
MOST_FAILURES = 8  # in a row, after which a proposer is given up
AHEAD = 8  # questions at a time in step, for each that is at work: a turn then has some to race
TURN_S = 0.5  # of waiting before a stop is looked for again
MOST_WAITING = 64  # suggestions that nobody took yet: no more is asked for


@dataclass
class _Desk:
    """What is known of one proposer."""

    proposer: Proposer
    asked: int = 0
    suggested: int = 0
    kept: int = 0
    failures: int = 0
    rests_until: float = 0.0
    gone: bool = False
    spent: Spent = field(default_factory=Spent)

    @property
    def price(self) -> float:
        """Dollars of one suggestion."""
        return self.spent.dollars / max(1, self.suggested)


@dataclass(frozen=True)
class _Answer:
    """What a thread hands over: a suggestion, a failure, or, without both, that it is done."""

    by: int
    question: int
    brief: Brief
    suggestion: Suggestion | None = None
    failure: ProposerFailed | None = None
    began: float = 0.0
    ended: float = 0.0


class _Threads:
    """Daemon threads, unlike an executor's: one that hangs in a proposer keeps no process from ending."""

    def __init__(self, count: int) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._count = count
        for number in range(count):
            threading.Thread(target=self._serve, name=f"desk {number}", daemon=True).start()

    def _serve(self) -> None:
        while (call := self._work.get()) is not None:
            call()

    def submit(self, call: Callable[[], None]) -> None:
        """Have it called by the next thread that is free."""
        self._work.put(call)

    def close(self) -> None:
        """Drop what was not begun; the threads end after what they are at."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._work.get_nowait()
        for _ in range(self._count):
            self._work.put(None)


class Desk:
    """Proposers at work. Use it from one thread; close it.

    ``learn`` tells it what became of an edit; ``events`` gives what happened, for whoever watches.
    """

    def __init__(
        self, proposers: Sequence[Proposer], parallel: int, seed: int, *, in_step: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._known = [_Desk(proposer) for proposer in proposers]
        self._most = parallel * (AHEAD if in_step else 1)
        self._random, self._in_step, self._stopping = random.Random(seed), in_step, stopping
        self._threads = _Threads(parallel if proposers else 0)
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._ready: list[tuple[_Desk, Brief, Suggestion]] = []
        self._at_work = self._asked = 0
        self._came: list[_Answer] = []
        self._events: list[Event] = []
        self._notes: dict[int, str] = {}  # the newest line of each that is at work
        self._closed = threading.Event()
        for number, desk in enumerate(self._known):
            if hasattr(desk.proposer, "on_progress"):
                cast(Any, desk.proposer).on_progress = functools.partial(self._noted, number)

    @property
    def spent(self) -> Spent:
        """By all of them, in this run."""
        return sum((desk.spent for desk in self._known), Spent())

    @property
    def told(self) -> dict[str, float]:
        """The same as plain data, for whoever watches."""
        return _amounts(self.spent)

    def serves(self) -> bool:
        """Whether anything may still come: somebody is at work or may be asked, or suggestions wait."""
        return bool(self._ready or self._came) or self._at_work > 0 or any(not desk.gone for desk in self._known)

    def wants(self) -> bool:
        """Whether one more question may be asked now."""
        free = any(not desk.gone and self._is_rested(desk) for desk in self._known)
        return free and self._at_work < self._most and len(self._ready) < MOST_WAITING

    def ask(self, brief: Callable[[], Brief]) -> None:
        """Ask as many proposers as may work at a time; ``brief`` is made only if somebody is asked."""
        made: Brief | None = None
        while self.wants():
            made = made or brief()
            number = self._choose()
            self._known[number].asked += 1
            self._at_work += 1
            question = replace(made, number=self._asked)
            self._threads.submit(functools.partial(self._work, number, question, self._asked))
            self._asked += 1

    def take(self, objective: str, most: int = MOST_WAITING) -> list[Edit]:
        """The suggestions for an objective that came in meanwhile, as edits, oldest question first."""
        self._collect(0.0)
        while self._in_step and self._at_work and not self._stopping():
            self._collect(TURN_S)
        for answer in sorted(self._came, key=lambda one: one.question):
            self._take_in(self._known[answer.by], answer)
        self._came.clear()
        mine = [one for one in self._ready if one[1].objective == objective][:most]
        self._ready = [one for one in self._ready if one not in mine]
        return [_edit(desk, brief, suggestion) for desk, brief, suggestion in mine]

    def wait(self, seconds: float) -> None:
        """Wait until something comes in, at most so long."""
        if self._at_work and not self._ready and not self._came:
            self._collect(seconds)

    def learn(self, proposer: str, kept: bool) -> None:
        """Whether an edit survived its race."""
        for desk in self._known:
            if desk.proposer.name == proposer:
                desk.kept += kept

    def events(self) -> Iterator[Event]:
        """What happened since the last call."""
        while self._events:
            yield self._events.pop(0)
        for number in list(self._notes):
            desk, note = self._known[number], self._notes.pop(number)
            yield {"event": "proposer", "name": plain(desk.proposer.name), "objective": "", "status": "working",
                   "note": note, **_amounts(desk.spent)}  # fmt: skip

    def close(self) -> None:
        """Let all of them go; what they still say is lost."""
        self._closed.set()
        self._threads.close()
        for desk in self._known:
            with contextlib.suppress(OSError):
                desk.proposer.close()

    # -- who is asked --------------------------------------------------------------------------------------------

    def _choose(self) -> int:
        """Thompson sampling: the highest draw from Beta(kept + 1, not kept + 1), less for those that cost more."""
        free = [i for i, desk in enumerate(self._known) if not desk.gone and self._is_rested(desk)]
        dearest = max(self._known[i].price for i in free)

        def draw(i: int) -> float:
            desk = self._known[i]
            luck = self._random.betavariate(desk.kept + 1, max(0, desk.asked - desk.kept) + 1)
            return luck * (1.0 - 0.5 * desk.price / dearest) if dearest else luck

        return max(free, key=draw)

    # -- what comes in -------------------------------------------------------------------------------------------

    def _is_rested(self, desk: _Desk) -> bool:
        return self._in_step or desk.rests_until <= time.monotonic()

    def _work(self, number: int, brief: Brief, question: int) -> None:
        """One thread: hand over what a proposer suggests, one by one."""
        failure: ProposerFailed | None = None
        began = time.monotonic()
        try:
            given = self._known[number].proposer.propose(brief)
            for suggestion in itertools.islice(given, MOST_WAITING):
                good = sound(suggestion, brief)
                self._answers.put(_Answer(number, question, brief, good, began=began, ended=time.monotonic()))
                began = time.monotonic()
                if self._closed.is_set():
                    break
        except ProposerFailed as error:
            failure = error
        except Exception as error:  # noqa: BLE001  a stranger's proposer: whatever it raises, it has failed
            failure = ProposerFailed(f"{type(error).__name__}: {error}")
        last = _Answer(number, question, brief, failure=failure, began=began, ended=time.monotonic())
        self._answers.put(last)

    def _collect(self, seconds: float) -> None:
        """Take what the threads handed over; wait for the first at most ``seconds``."""
        while True:
            try:
                answer = self._answers.get(timeout=seconds) if seconds else self._answers.get_nowait()
            except queue.Empty:
                return
            seconds = 0.0
            self._came.append(answer)
            self._at_work -= answer.suggestion is None  # nothing more comes to that question

    def _take_in(self, desk: _Desk, answer: _Answer) -> None:
        told: Event = {"event": "proposer", "name": plain(desk.proposer.name), "objective": answer.brief.objective}
        one = answer.suggestion or answer.failure
        took = {"seconds": answer.ended - answer.began, "ago": time.monotonic() - answer.ended}
        if answer.suggestion is not None:
            desk.suggested += 1
            desk.failures = 0
            desk.spent += answer.suggestion.spent
            self._ready.append((desk, answer.brief, answer.suggestion))
            told |= {"status": "suggested", "title": plain(answer.suggestion.title)}
        elif answer.failure is not None:
            desk.failures += 1
            desk.spent += answer.failure.spent
            desk.gone = answer.failure.fatal or desk.failures >= MOST_FAILURES
            desk.rests_until = time.monotonic() + min(LONGEST_REST_S, FIRST_REST_S * 2 ** (desk.failures - 1))
            told |= {"status": "failed", "reason": plain(str(answer.failure)), "gone": desk.gone}
        if one is not None:
            self._events.append({**told, **_amounts(desk.spent), "call": {**took, **_amounts(one.spent)}})

    def _noted(self, number: int, said: object) -> None:
        """A proposer's own words on how far it is, from its thread: a line, or what has a status and a note."""
        text = said if isinstance(said, str) else f"{getattr(said, 'status', '')} {getattr(said, 'note', '')}"
        self._notes[number] = plain(text).strip()


def _amounts(spent: Spent) -> dict[str, float]:
    return {"tokens_in": spent.tokens_in, "tokens_out": spent.tokens_out, "dollars": spent.dollars}


def _edit(desk: _Desk, brief: Brief, suggestion: Suggestion) -> Edit:
    return Edit(
        brief.objective, dict(suggestion.files), plain(suggestion.title) or "untitled", plain(suggestion.operator)[:40],
        brief.parent, proposer=plain(desk.proposer.name), prediction=suggestion.prediction,
        dollars=suggestion.spent.dollars,
    )  # fmt: skip
