"""Screening: one process answers for many programs, trouble moves to a fresh one, nothing that counts happens there."""

from __future__ import annotations

import os
import time

import pytest
from test_jail_lifetime import descendants

from conftest import TIERS, need
from selfproof.jail import Job, Limits, Outcome, Pool, values
from selfproof.jail import pool as pool_module

LIMITS = Limits(wall_s=2.0)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, the next job of a test counts as following the last."""
    monkeypatch.setattr(pool_module, "_MOMENT_S", 60.0)


def screen(pool: Pool, source: str, *inputs: object, screening: bool = True) -> Outcome:
    job = Job({"m.py": source}, "m.py:f", [values.encode(x) for x in inputs], limits=LIMITS, screening=screening)
    return pool.submit(job).result(timeout=30)


def answer(outcome: Outcome) -> object:
    assert outcome.status == "ok", outcome
    return values.decode(outcome.outputs[-1])


WHO = "import os\ndef f(x): return os.getpid()"


def test_one_process_answers_for_many_programs(pool: Pool) -> None:
    assert len({answer(screen(pool, WHO + f"  # {i}", 1)) for i in range(5)}) == 1


def test_a_program_does_not_see_the_one_before(pool: Pool) -> None:
    counting = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    assert [answer(screen(pool, counting, 1)) for _ in range(3)] == [1, 1, 1]
    drawing = "import random\nimport numpy as np\ndef f(x): return [random.random(), float(np.random.rand())]"
    assert answer(screen(pool, drawing, 1)) == answer(screen(pool, drawing, 1))
    screen(pool, "import numpy as np\nnp.seterr(all='raise')\ndef f(x): return x", 1)
    assert answer(screen(pool, "import numpy as np\ndef f(x): return np.geterr()['divide']", 1)) == "warn"


def test_what_is_no_value_is_no_answer(pool: Pool) -> None:
    """A program that answers with bytes of its own gives nothing, rather than an answer without outputs."""
    forged = "import sys\ndef f(x):\n    sys.modules['selfproof.jail.values'].encode = lambda value: b'?'\n    return x"
    for screening in (True, False, True):
        outcome = screen(pool, forged, 1, screening=screening)
        assert (outcome.status, outcome.outputs) == ("invalid_output", ())


def test_trouble_is_the_programs_own(pool: Pool) -> None:
    """What a program does to the process must not be charged to the one after it."""
    good = "def f(x): return x + 1"
    for bad, status in (
        ("def f(x): raise ValueError('no')", "error"),
        ("import os\ndef f(x): os._exit(3)", "crashed"),
        ("def f(x):\n    while True: pass", "timeout"),
        ("def f(x): return object()", "invalid_output"),
        ("this is not python", "error"),
    ):
        assert answer(screen(pool, good, 1)) == 2
        assert screen(pool, bad, 1).status == status
    assert answer(screen(pool, good, 1)) == 2


def test_a_poisoned_process_is_left(pool: Pool) -> None:
    """A program that breaks what others use: they get a fresh process as soon as anything goes wrong."""
    poison = "import sys\ndef f(x):\n    sys.modules['selfproof.jail.harness'].MODES.clear()\n    return x"
    assert answer(screen(pool, poison, 1)) == 1
    assert answer(screen(pool, "def f(x): return x + 1", 1)) == 2
    late = "import threading, time, os\ndef say():\n    time.sleep(.05)\n    os.write(4, b'x' * 64)\n"
    assert answer(screen(pool, late + "def f(x):\n    threading.Thread(target=say).start()\n    return x", 1)) == 1
    slow = "import time\ndef f(x):\n    time.sleep(.2)\n    return x + 1"
    assert answer(screen(pool, slow, 1)) == 2


def test_what_counts_never_runs_in_a_process_that_was_used(pool: Pool) -> None:
    poison = "import math\nmath.pi = 3.0\ndef f(x): return math.pi"
    probe = "import math\ndef f(x): return math.pi"
    assert answer(screen(pool, poison, 1)) == 3.0
    assert answer(screen(pool, probe, 1)) == 3.0, "this is why screening decides nothing"
    assert answer(screen(pool, probe, 1, screening=False)) > 3.1  # type: ignore[operator]
    assert answer(screen(pool, probe, 1)) > 3.1, "and the used process is gone"  # type: ignore[operator]


def test_logs_are_kept_apart(pool: Pool) -> None:
    assert screen(pool, "def f(x):\n    print('one')\n    return x", 1).log.strip() == "one"
    assert screen(pool, "def f(x):\n    print('two')\n    return x", 1).log.strip() == "two"
    assert len(screen(pool, "def f(x):\n    print('a' * 65_536)\n    return x", 1).log) == 65_536
    assert answer(screen(pool, "def f(x): return x", 5)) == 5


def test_an_early_end_keeps_the_process(pool: Pool) -> None:
    source = "def f(x): return x"
    job = Job(
        {"m.py": source},
        "m.py:f",
        [values.encode(i) for i in range(5)],
        limits=LIMITS,
        screening=True,
        go_on=lambda position, output: position < 1,
    )
    assert [values.decode(o) for o in pool.submit(job).result(timeout=30).outputs] == [0, 1]
    assert answer(screen(pool, source, 9)) == 9


@pytest.mark.parametrize("tier", TIERS)
def test_nothing_runs_on_once_nothing_is_asked(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need(tier)
    monkeypatch.setattr(pool_module, "_MOMENT_S", 0.02)
    busy = """
import threading
def spin():
    while True: pass
def f(x):
    threading.Thread(target=spin).start()
    return x
"""
    before = descendants(os.getpid())
    with Pool(1, require=tier) as pool:
        idle = descendants(os.getpid()) - before
        job = Job({"m.py": busy}, "m.py:f", [values.encode(1)], screening=True)
        assert pool.submit(job).result(timeout=20).status == "ok"
        deadline = time.monotonic() + 2
        while descendants(os.getpid()) - before != idle and time.monotonic() < deadline:
            time.sleep(0.01)
        assert descendants(os.getpid()) - before == idle
