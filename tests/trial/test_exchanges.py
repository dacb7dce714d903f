"""Tasks whose samples are answered in lock-step: scored by what an exchange came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from selfproof.jail import Limits, Outcome, Pool
from selfproof.nouns import Files, Split, Trial
from selfproof.tasks import Exchange, InvalidAnswer, Sample, Task
from selfproof.trial import blocks


class Bisection(Exchange):
    """Tells whether the last guess of a hidden number was too low."""

    def __init__(self, number: int) -> None:
        self.number, self.turns = number, 0

    def reply(self, answer: object) -> object | None:
        if not isinstance(answer, int):
            raise InvalidAnswer(f"a guess must be an integer, got {type(answer).__name__}")
        if answer < 0:
            raise RuntimeError("a fault of the task's own")
        self.turns += 1
        return None if answer == self.number or self.turns == 20 else {"low": answer < self.number}

    def result(self) -> object:
        return self.turns


class Guessing(Task):
    """Turns that it takes to guess a number."""

    metric, better = "turns", "lower"

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        return [Sample({"most": 100}, i, lambda i=i: Bisection(i)) for i in range(seed, seed + n)]  # type: ignore[misc]

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        if not isinstance(answer, int):
            raise InvalidAnswer("no number of turns")
        return [float(answer)]


HALVES = """
def f(told):
    global low, high, last
    if "most" in told:
        low, high = 0, told["most"]
    elif told["low"]:
        low = last + 1
    else:
        high = last - 1
    last = (low + high) // 2
    return last
"""


@pytest.fixture(scope="module")
def jail() -> Iterator[Pool]:
    with Pool(1) as made:
        yield made


def scored(jail: Pool, source: str, task: Task, *numbers: int) -> list[Trial]:
    fresh = blocks.prepare([task.samples("explore", number, 1)[0] for number in numbers])
    files: Files = {"m.py": source}
    outcome: Outcome = jail.submit(blocks.job(files, "m.py:f", fresh, Limits())).result()
    return blocks.score(task, fresh, outcome)


def test_an_exchange_is_scored_by_what_it_came_to(jail: Pool) -> None:
    assert [trial.score for trial in scored(jail, HALVES, Guessing(), 50, 24, 99)] == [1.0, 2.0, 6.0]


def test_a_malformed_answer_ends_only_its_own_exchange(jail: Pool) -> None:
    source = HALVES.replace("return last", "return None if last == 24 else last")
    one, two = scored(jail, source, Guessing(), 24, 50)
    assert one.status == "invalid_output" and "a guess must be an integer" in (one.message or "")
    assert two.score == 1.0


def test_a_fault_of_the_task_is_no_score(jail: Pool) -> None:
    (one,) = scored(jail, "def f(told): return -1", Guessing(), 3)
    assert one.score is None and "RuntimeError: a fault of the task's own" in (one.message or "")


def test_samples_are_all_exchanges_or_none() -> None:
    both = blocks.prepare([Guessing().samples("explore", 3, 1)[0], Sample(1)])
    with pytest.raises(ValueError, match="all be exchanges"):
        blocks.job({"m.py": ""}, "m.py:f", both, Limits())
