"""The desk: proposers in threads; who is asked, what comes back and in which order, what a failure costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion
from selfproof.propose.desk import MOST_FAILURES, MOST_WAITING, Desk

BRIEF = Brief("o", "quality", "m", "lower", "", {"a.py": ""}, ("a.py",), parent="p")


@dataclass
class Scripted:
    """Answers each question by a function of its number."""

    name: str
    answer: Callable[[int], list[Suggestion]]
    asked: list[int] = field(default_factory=list)
    closed: bool = False

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        self.asked.append(brief.number)
        yield from self.answer(brief.number)

    def close(self) -> None:
        self.closed = True


def say(number: int, dollars: float = 0.0) -> list[Suggestion]:
    return [Suggestion({"a.py": str(number)}, f"say {number}", "model", spent=Spent(1, 2, dollars))]


def fail(fatal: bool = False) -> Callable[[int], list[Suggestion]]:
    def answer(number: int) -> list[Suggestion]:
        raise ProposerFailed(f"no luck with {number}\x1b[31m", fatal=fatal, spent=Spent(0, 0, 0.5))

    return answer


def taken(desk: Desk, wanted: int, within: float = 5.0) -> list[str]:
    end, found = time.monotonic() + within, []
    while len(found) < wanted and time.monotonic() < end:
        desk.ask(lambda: BRIEF)
        desk.wait(0.05)
        found += [edit.title for edit in desk.take("o")]
    return found


def test_in_step_what_is_tried_follows_from_the_answers_alone() -> None:
    """The slower of two answers comes first if it was asked for first, at any speed of the threads."""

    def slow_when_even(number: int) -> list[Suggestion]:
        time.sleep(0.03 * (number % 2 == 0))
        return say(number)

    runs = []
    for _ in range(3):
        desk = Desk([Scripted("one", slow_when_even), Scripted("two", slow_when_even)], 2, seed=1, in_step=True)
        rounds = []
        for _ in range(3):
            rounds.append([(edit.title, edit.proposer) for edit in desk.take("o")])
            desk.ask(lambda: BRIEF)
        desk.close()
        runs.append(rounds)
    assert runs[0] == runs[1] == runs[2]
    assert [title for title, _ in runs[0][1]] == [f"say {number}" for number in range(16)]


def test_out_of_step_nobody_waits_for_the_slowest() -> None:
    stuck = threading.Event()

    def one_hangs(number: int) -> list[Suggestion]:
        if number == 0:
            stuck.wait(10)
        return say(number)

    desk = Desk([Scripted("one", one_hangs)], 2, seed=1)
    assert taken(desk, 5)[:3] == ["say 1", "say 2", "say 3"]
    stuck.set()
    desk.close()


def test_no_more_work_at_a_time_than_allowed() -> None:
    at_work, most = [0], [0]
    lock = threading.Lock()

    def counted(number: int) -> list[Suggestion]:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.01)
        with lock:
            at_work[0] -= 1
        return say(number)

    desk = Desk([Scripted(name, counted) for name in "abc"], 3, seed=1)
    taken(desk, 20)
    desk.close()
    assert most[0] == 3


def test_a_proposer_that_fails_rests_and_one_that_cannot_be_helped_is_gone() -> None:
    resting, gone = Scripted("resting", fail()), Scripted("gone", fail(fatal=True))
    desk = Desk([resting, gone, Scripted("good", say)], 1, seed=1)
    assert len(taken(desk, 30)) == 30
    told = list(desk.events())
    assert len(gone.asked) == 1 and len(resting.asked) <= 3
    failures = [event for event in told if event["status"] == "failed"]
    assert {event["name"]: event["gone"] for event in failures} == {"resting": False, "gone": True}
    assert "\x1b" not in str(told) and desk.spent.dollars == 0.5 * len(failures)
    desk.close()


def test_one_that_only_fails_is_given_up() -> None:
    only = Scripted("only", fail())
    desk = Desk([only], 1, seed=1, in_step=True)  # in step it does not rest: time must not decide
    for _ in range(3):
        desk.take("o")
        desk.ask(lambda: BRIEF)
    desk.take("o")
    assert not desk.serves() and len(only.asked) <= 2 * MOST_FAILURES
    desk.close()


def test_what_a_strangers_proposer_raises_ends_nothing() -> None:
    def broken(number: int) -> list[Suggestion]:
        raise ZeroDivisionError("oops")

    desk = Desk([Scripted("broken", broken), Scripted("good", say)], 2, seed=1)
    assert len(taken(desk, 40)) >= 40
    assert any("ZeroDivisionError: oops" in event.get("reason", "") for event in desk.events())
    desk.close()


def test_who_is_kept_is_asked_more_and_who_costs_more_is_asked_less() -> None:
    good, poor = Scripted("good", say), Scripted("poor", say)
    desk = Desk([good, poor], 1, seed=1, in_step=True)
    for _ in range(30):
        for edit in desk.take("o"):
            desk.learn(edit.proposer, kept=edit.proposer == "good")
        desk.ask(lambda: BRIEF)
    desk.take("o")
    assert len(good.asked) > 3 * len(poor.asked) > 0
    desk.close()
    cheap, dear = Scripted("cheap", lambda n: say(n, 0.01)), Scripted("dear", lambda n: say(n, 1.0))
    desk = Desk([cheap, dear], 1, seed=1, in_step=True)
    for _ in range(30):
        desk.take("o")
        desk.ask(lambda: BRIEF)
    desk.take("o")
    assert len(cheap.asked) > 1.2 * len(dear.asked) > 0
    desk.close()


def test_nobody_is_asked_for_more_than_can_be_looked_at() -> None:
    desk = Desk([Scripted("eager", lambda number: say(number) * 50)], 1, seed=1)
    for _ in range(40):
        desk.ask(lambda: BRIEF)
        desk.wait(0.02)
        assert desk.take("another objective") == []
    assert len(desk.take("o", most=10**6)) <= MOST_WAITING + 50
    desk.close()


def test_an_edit_carries_who_said_it_what_it_cost_and_what_it_promises() -> None:
    def answer(number: int) -> list[Suggestion]:
        return [Suggestion({"a.py": "1"}, "a\nb", "model", prediction=0.5, spent=Spent(1, 1, 0.25))]

    desk = Desk([Scripted("one", answer)], 1, seed=1, in_step=True)
    desk.take("o")
    desk.ask(lambda: BRIEF)
    edit = desk.take("o")[0]
    assert (edit.proposer, edit.parent, edit.dollars, edit.prediction) == ("one", "p", 0.25, 0.5)
    assert "\n" not in edit.title
    desk.close()


def test_a_stop_does_not_wait_for_an_answer() -> None:
    stuck = threading.Event()

    def hang(number: int) -> list[Suggestion]:
        stuck.wait(20)
        return []

    stopped = [False]
    one = Scripted("one", hang)
    desk = Desk([one], 1, seed=1, in_step=True, stopping=lambda: stopped[0])
    desk.ask(lambda: BRIEF)
    stopped[0] = True
    began = time.monotonic()
    assert desk.take("o") == [] and time.monotonic() - began < 5
    desk.close()
    assert one.closed
    stuck.set()


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1.0])
def test_nothing_costs_less_than_nothing(amount: float) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Spent(dollars=amount)
