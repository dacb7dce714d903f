"""What every executor must keep, as a test case: whoever runs trials somewhere else subclasses it and gives ``make``.

class TestMine(ExecutorContract):
    def make(self):
        return Mine(workers=2)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from selfproof.jail import Job, Limits, Outcome, values
from selfproof.trial.executors import Executor

SOON_S = 30.0
"""For what must end by itself; generous, for busy machines."""
QUICK = Limits(wall_s=20.0, cpu_s=20)
PROGRAM = "SEEN = []\ndef answer(x):\n    SEEN.append(x)\n    return [len(SEEN), x]\n"


def job(source: str, *inputs: object, limits: Limits = QUICK, screening: bool = False, timed: bool = False) -> Job:
    """A program's ``answer`` on these values."""
    encoded = [values.encode(one) for one in inputs]
    return Job({"a.py": source}, "a.py:answer", encoded, limits=limits, screening=screening, timed=timed)


def answers(outcome: Outcome) -> list[object]:
    """What a program answered."""
    return [values.decode(one) for one in outcome.outputs]


class ExecutorContract:
    """Tests of one executor. Subclass it and give ``make``; it is called once for the class, and closed at its end."""

    executor: Executor

    @classmethod
    def make(cls) -> Executor:
        """An executor with two workers."""
        raise NotImplementedError("give make()")

    @classmethod
    def setup_class(cls) -> None:
        """One executor for all tests but the one that closes its own."""
        cls.executor = cls.make()

    @classmethod
    def teardown_class(cls) -> None:
        """Close it."""
        cls.executor.close()

    def test_it_is_an_executor_that_says_what_holds(self) -> None:
        """Its tier and layers are those of its outcomes."""
        assert isinstance(self.executor, Executor)
        outcome = self.executor.submit(job(PROGRAM, 1)).result(SOON_S)
        kinds = {layer.partition(":")[0] for layer in outcome.layers}
        assert outcome.tier == self.executor.tier and outcome.status == "ok", outcome
        assert {layer.partition(":")[0] for layer in self.executor.layers} <= kinds

    def test_outcomes_come_in_the_jobs_order(self) -> None:
        """Whoever was quicker."""
        slow = "import time\ndef answer(x):\n    time.sleep(x)\n    return x\n"
        found = self.executor.map([job(slow, wait) for wait in (0.3, 0.0, 0.2, 0.0)])
        assert [answers(one) for one in found] == [[0.3], [0.0], [0.2], [0.0]]

    def test_what_counts_is_a_process_of_its_own(self) -> None:
        """Nothing that one job left is there in the next, back to back too."""
        for found in (self.executor.map([job(PROGRAM, 5, 6)] * 3), self.executor.together([job(PROGRAM, 5, 6)] * 3)):
            assert [answers(one) for one in found] == [[[1, 5], [2, 6]]] * 3

    def test_what_a_program_does_is_its_outcome_and_nobody_elses(self) -> None:
        """Each status, beside a job that is well."""
        bad = {
            "error": job("def answer(x):\n    raise ValueError(x)\n", 1),
            "timeout": job("def answer(x):\n    while True: pass\n", 1, limits=Limits(wall_s=0.5)),
            "crashed": job("import os\ndef answer(x):\n    os.abort()\n", 1),
            "invalid_output": job("def answer(x):\n    return object()\n", 1),
        }
        found = self.executor.map([*bad.values(), job(PROGRAM, 7)])
        assert [one.status for one in found] == [*bad, "ok"], found
        assert answers(found[-1]) == [[1, 7]]

    def test_large_inputs_arrive_whole_and_the_same_again(self) -> None:
        """Beyond any frame's or message's small size."""
        text = "x" * 300_000
        length = "def answer(x):\n    return [len(x), x[-1]]\n"
        for found in self.executor.map([job(length, text, text, text + "y")] * 3):
            assert answers(found) == [[300_000, "x"], [300_000, "x"], [300_001, "y"]]

    def test_the_engine_answers_in_an_exchange(self) -> None:
        """Message by message, in the same process; what it comes to takes the output's place."""
        begun: list[int] = []

        def exchange(position: int) -> Callable[[bytes], tuple[bool, bytes]]:
            def reply(data: bytes) -> tuple[bool, bytes]:
                answer: Any = values.decode(data)
                return (True, values.encode("end")) if answer[0] >= 4 else (False, data)

            begun.append(position)
            return reply

        program = "SEEN = []\ndef answer(x):\n    SEEN.append(x)\n    return [len(SEEN)]\n"
        asked = Job(
            {"a.py": program}, "a.py:answer", [values.encode(0), values.encode(1)], limits=QUICK, exchange=exchange
        )
        outcome = self.executor.submit(asked).result(SOON_S)
        assert outcome.status == "ok" and answers(outcome) == ["end", "end"] and begun == [0, 1], outcome

    def test_the_engine_may_end_a_job_early(self) -> None:
        """After any answer; what came so far is the answer."""
        data = [values.encode(n) for n in range(5)]
        early = Job({"a.py": PROGRAM}, "a.py:answer", data, limits=QUICK, go_on=lambda position, output: position < 2)
        assert len(self.executor.submit(early).result(SOON_S).outputs) == 3

    def test_times_are_measured(self) -> None:
        """By clocks that the program does not have; processor time for each answer of a timed job."""
        busy = "def answer(x):\n    return sum(range(x))\n"
        outcome = self.executor.submit(job(busy, 300_000, 300_000, timed=True)).result(SOON_S)
        assert len(outcome.seconds) == len(outcome.cpu) == 2 and min(*outcome.seconds, *outcome.cpu) > 0.0
        assert outcome.cpu_seconds > 0.0

    def test_several_threads_may_use_it(self) -> None:
        """Each gets its own."""
        found: dict[int, list[object]] = {}

        def ask(number: int) -> None:
            found[number] = [answers(one) for one in self.executor.map([job(PROGRAM, number)] * 3)]

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON_S)
        assert found == {number: [[[1, number]]] * 3 for number in range(4)}

    def test_closing_ends_what_runs_and_takes_nothing_more(self) -> None:
        """At once, twice, and with work in hand."""
        executor = self.another()
        running = executor.submit(job("import time\ndef answer(x):\n    time.sleep(60)\n", 1, limits=Limits(wall_s=90)))
        deadline = time.monotonic() + SOON_S
        while not executor.busy and time.monotonic() < deadline:
            time.sleep(0.02)
        assert executor.busy == 1
        executor.close()
        executor.close()
        assert running.cancelled() or running.result(SOON_S).status == "jail_failed"
        try:
            executor.submit(job(PROGRAM, 1))
        except RuntimeError:
            return
        raise AssertionError("a closed executor takes a job")

    def another(self) -> Executor:
        """One more executor, for the test that closes it."""
        return self.make()
