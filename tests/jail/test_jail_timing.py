"""What a program's time is: read by the trusted side, over all threads, apart for loading; nothing out of turn."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import pytest

from selfproof.grants import Grants
from selfproof.jail import Job, Limits, Outcome, Pool, values

Run = Callable[..., Outcome]


@pytest.fixture
def timed(pool: Pool) -> Run:
    """Like `run`, with the processor time read for each answer."""

    def timed(source: str, *inputs: object) -> Outcome:
        encoded = [values.encode(value) for value in inputs]
        job = Job({"m.py": source}, "m.py:f", encoded, limits=Limits(wall_s=20.0), timed=True)
        return pool.submit(job).result(timeout=30)

    return timed


def answers(outcome: Outcome) -> list[object]:
    return [values.decode(output) for output in outcome.outputs]


# -- out of turn -------------------------------------------------------------------------------------------------------


EARLY = """
import os, struct, threading, time
from selfproof.jail import frames, values
really, answer = os.readv, values.encode(1)
def slowly(*arguments):
    time.sleep(0.3)
    return really(*arguments)
os.readv = slowly
def speak():
    time.sleep(0.1)
    os.write(4, struct.pack("<IB", len(answer) + 1, 18) + answer)
threading.Thread(target=speak).start()
def f(x): return x
"""


def test_an_answer_before_its_input_is_complete_is_refused(run: Run) -> None:
    outcome = run(EARLY, b"a" * (6 << 20), wall_s=10, output_bytes=16 << 20)
    assert outcome.status == "protocol_error" and "before its input" in (outcome.message or "")


def test_what_a_clock_cannot_see_is_refused() -> None:
    """Processes of its own would not be in the count of its threads."""
    with pytest.raises(ValueError, match="grant no subprocesses"):
        Job({"m.py": ""}, "m.py:f", [], timed=True, limits=Limits(grants=Grants(subprocesses=True)))


# -- time --------------------------------------------------------------------------------------------------------------

ELSEWHERE = """
import threading, time
time.process_time = time.thread_time = time.perf_counter = lambda: 0.0
def burn(seconds, really=time.clock_gettime, clock=time.CLOCK_THREAD_CPUTIME_ID):
    while really(clock) < seconds:
        pass
def f(x):
    thread = threading.Thread(target=burn, args=(x,))
    thread.start()
    thread.join()
    return x
"""


def test_processor_time_is_that_of_all_threads(timed: Run) -> None:
    outcome = timed(ELSEWHERE, 0.0, 0.3, 0.1)
    assert outcome.status == "ok" and len(outcome.cpu) == 3
    assert outcome.cpu[0] < 0.1 and 0.3 <= outcome.cpu[1] < 0.4 and 0.1 <= outcome.cpu[2] < 0.2
    assert sum(outcome.cpu) <= outcome.cpu_seconds + 0.01


def test_waiting_is_no_processor_time(timed: Run) -> None:
    outcome = timed("import time\ndef f(x):\n    time.sleep(x)\n    return x", 0.3)
    assert outcome.seconds[0] > 0.3 > 0.1 > outcome.cpu[0]


LATE = """
import threading, time
def late():
    end = time.thread_time() + 0.2
    while time.thread_time() < end:
        pass
def f(x):
    if x == 0:
        threading.Thread(target=late).start()
    return x
"""


def test_work_behind_an_answer_is_charged_to_the_next(pool: Pool) -> None:
    inputs = [values.encode(0), values.encode(1)]
    thinking = lambda position, output: time.sleep(0.6) is None  # noqa: E731  the engine's own work meanwhile
    job = Job({"m.py": LATE}, "m.py:f", inputs, limits=Limits(wall_s=20.0), timed=True, go_on=thinking)
    outcome = pool.submit(job).result(timeout=30)
    assert outcome.status == "ok" and outcome.cpu[1] > 0.1 > outcome.cpu[0]  # 0.2 where the thread need not wait


def test_a_program_that_is_gone_has_spent_what_it_spent(timed: Run) -> None:
    outcome = timed("import os, threading\ndef f(x):\n    if x: os._exit(3)\n    return x", 0, 1)
    assert outcome.status == "crashed" and len(outcome.cpu) == len(outcome.outputs) == 1


def test_only_timed_jobs_ask_for_it(run: Run) -> None:
    assert run("def f(x): return x", 1, 2).cpu == ()


def test_the_time_to_load_is_apart(run: Run) -> None:
    outcome = run("import time\ntime.sleep(0.3)\ndef f(x): return x", 1)
    assert 0.3 < outcome.load_seconds < 20 and outcome.seconds[0] < outcome.load_seconds
    assert run("1 / 0", 1).load_seconds == 0.0


# -- together ----------------------------------------------------------------------------------------------------------

WHEN = """
import os, time
def f(x):
    began = time.monotonic()
    time.sleep(x)
    return [began, time.monotonic(), os.getuid(), os.getppid()]
"""


def test_together_is_one_worker_one_after_the_other(pool: Pool) -> None:
    jobs = [Job({"m.py": WHEN}, "m.py:f", [values.encode(0.1)]) for _ in range(4)]
    with Pool(2, require=pool.tier) as two:
        until = time.monotonic() + 20
        while not _overlap(two.map(jobs)):  # until the second worker is up
            assert time.monotonic() < until
        outcomes = two.together(jobs)
        assert not _overlap(outcomes)
        assert len({tuple(values.decode(o.outputs[0])[2:]) for o in outcomes}) == 1  # type: ignore[index]


def _overlap(outcomes: list[Outcome]) -> bool:
    spans = [values.decode(outcome.outputs[0])[:2] for outcome in outcomes]  # type: ignore[index]
    return any(after[0] < before[1] for before, after in itertools.pairwise(spans))


def test_together_goes_on_after_a_crash(pool: Pool) -> None:
    crash = Job({"m.py": "import ctypes\ndef f(x): ctypes.string_at(8)"}, "m.py:f", [values.encode(1)])
    good = Job({"m.py": "def f(x): return x"}, "m.py:f", [values.encode(1)])
    assert [outcome.status for outcome in pool.together([good, crash, good])] == ["ok", "crashed", "ok"]
    with pytest.raises(ValueError, match="surrogates"):
        pool.together([good, Job({"m.py": "\ud800"}, "m.py:f", [])])
    assert pool.together([good])[0].status == "ok" and pool.together([]) == []
