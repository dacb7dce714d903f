"""What an honest or clumsy program gets, in both tiers: every status, order, limits, imports, clocks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from selfproof.jail import Job, Limits, Outcome, Pool, values

Run = Callable[..., Outcome]


def answers(outcome: Outcome) -> list[object]:
    assert outcome.status == "ok", outcome
    return [values.decode(output) for output in outcome.outputs]


def test_outputs_come_back_in_order_with_the_engines_clock(run: Run) -> None:
    outcome = run("import time\ndef f(x):\n    time.sleep(x)\n    return x", 0.0, 0.2, 0.05)
    assert answers(outcome) == [0.0, 0.2, 0.05]
    assert all(took > wanted for took, wanted in zip(outcome.seconds, (0.0, 0.2, 0.05), strict=True))
    assert sum(outcome.seconds) < 15 and 0 < outcome.cpu_seconds < 1 and 5 < outcome.max_rss_mb < 200
    assert outcome.message is None and outcome.log == ""


def test_arrays_cross_both_ways(run: Run) -> None:
    x = np.random.default_rng(1).random((256, 7, 97), dtype="f4")
    (got,) = answers(run("def f(x):\n    assert x.flags.aligned\n    return x.mean(axis=1)", x))
    assert isinstance(got, np.ndarray) and got.dtype == np.float32
    np.testing.assert_allclose(got, x.mean(axis=1), rtol=1e-5)


def test_sixteen_megabytes_in_and_out(run: Run) -> None:
    data = bytes(range(256)) * (1 << 16)
    source = "def f(x): return x[::-1]"
    (got,) = answers(run(source, data, output_bytes=17 << 20, wall_s=20))
    assert got == data[::-1]


def test_nan_is_a_value(run: Run) -> None:
    (got,) = answers(run("def f(x): return [float('nan'), float('inf')]", None))
    assert isinstance(got, list) and got[0] != got[0] and got[1] == float("inf")


def test_no_inputs_is_fine(run: Run) -> None:
    assert answers(run("def f(x): return x")) == []


def test_state_lives_as_long_as_the_job_and_no_longer(run: Run) -> None:
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    assert answers(run(source, 1, 1, 1)) == [1, 2, 3]
    assert answers(run(source, 1)) == [1]


def test_files_import_each_other_from_memory(run: Run) -> None:
    files = {
        "m.py": "import pkg.a, pkg.sub.b, flat\ndef f(x): return [pkg.NAME, pkg.a.V, pkg.sub.b.V, flat.V]",
        "pkg/__init__.py": "NAME = __name__",
        "pkg/a.py": "from .sub import b\nV = b.V + 1",
        "pkg/sub/b.py": "V = 1",
        "flat.py": "V = __file__",
        "notes.md": "not a module",
    }
    assert answers(run(files, None)) == [["pkg", 2, 1, "flat.py"]]


def test_a_file_may_not_have_the_name_of_a_library_module(run: Run) -> None:
    outcome = run({"m.py": "def f(x): return x", "random.py": ""}, 1)
    assert outcome.status == "error" and "random.py" in (outcome.message or "")


def test_runs_repeat_exactly(run: Run) -> None:
    source = """
import random
import numpy as np
def f(x): return [random.random(), np.random.rand(), hash("x"), list({"a", "b", "c"})]
"""
    assert answers(run(source, 1)) == answers(run(source, 1))


def test_libraries_and_threads_work(run: Run) -> None:
    source = """
import ast, json, math, re, statistics, tokenize, cProfile, concurrent.futures
import selfproof.operators
import numpy as np
def f(x):
    a = np.random.default_rng(0).random((40, 40))
    np.linalg.svd(a @ a.T); np.fft.fft(a)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        return sum(threads.map(abs, range(x)))
"""
    assert answers(run(source, 10)) == [45]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(x): return 1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(x): raise SystemExit(0)", "SystemExit: 0"),
        ("def f(x): raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("def f(x) return", "SyntaxError: "),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("f = 3", "ImportError: m.py defines no function f"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\ndef f(x): raise E", "E"),
        (
            r"def f(x): raise ValueError('\x1b[31mred\x1b]0;title\x07 \x00\u202e' + 'a' * 999)",
            "ValueError: red aaa",
        ),
        ("def f(x): return f(x)", "RecursionError: "),
    ],
)
def test_an_exception_is_an_error_with_its_name(run: Run, source: str, message: str) -> None:
    outcome = run(source, 1)
    assert outcome.status == "error" and outcome.outputs == ()
    assert outcome.message is not None and outcome.message.startswith(message) and len(outcome.message) <= 300
    assert all(character.isprintable() or character in "\n\t" for character in outcome.message + outcome.log)


def test_an_error_keeps_what_was_answered_before(run: Run) -> None:
    outcome = run("def f(x): return 1 // x", 1, 0, 1)
    assert outcome.status == "error" and len(outcome.outputs) == len(outcome.seconds) == 1
    assert 'File "m.py", line 1, in f' in outcome.log and "selfproof" not in outcome.log


def test_missing_entry_and_mode_are_explained(pool: Pool) -> None:
    files = {"m.py": "def f(x): return x"}
    for job, word in ((Job(files, "n.py:f", []), "n.py"), (Job(files, "m.py:f", [], mode="odd"), "odd")):
        outcome = pool.submit(job).result(timeout=30)
        assert outcome.status == "error" and word in (outcome.message or "")


IGNORE_SIGNALS = """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
def f(x):
    while True: pass
"""


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n while True: pass",
        "import time\ndef f(x): time.sleep(60)",
        "while True: pass\ndef f(x): return x",
        IGNORE_SIGNALS,
    ],
)
def test_time_runs_out(run: Run, source: str) -> None:
    started = time.perf_counter()
    outcome = run(source, 1, wall_s=0.4)
    assert outcome.status == "timeout" and "0.4 s" in (outcome.message or "")
    assert time.perf_counter() - started < 20.0, "it would have gone on for a minute or without end"


def test_one_deadline_for_the_whole_job(run: Run) -> None:
    outcome = run("import time\ndef f(x):\n    time.sleep(0.2)\n    return x", *range(20), wall_s=1.0)
    assert outcome.status == "timeout" and 1 <= len(outcome.outputs) <= 5


def test_processor_time_runs_out(run: Run) -> None:
    outcome = run("def f(x):\n while True: pass", 1, cpu_s=1, wall_s=20)
    assert outcome.status == "timeout" and "processor" in (outcome.message or "") and outcome.cpu_seconds < 2
    ignore = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\ndef f(x):\n while True: pass"
    outcome = run(ignore, 1, cpu_s=1, wall_s=20)
    assert outcome.status == "timeout" and outcome.cpu_seconds < 3


@pytest.mark.parametrize(
    "source",
    ["def f(x): return bytearray(1 << 31)", "import numpy as np\ndef f(x): return np.ones(1 << 28)",
     "def f(x):\n    a = []\n    while True: a.append(bytearray(1 << 20))"],
)  # fmt: skip
def test_memory_runs_out(run: Run, source: str) -> None:
    outcome = run(source, 1, memory_mb=512)
    assert outcome.status == "oom" and outcome.max_rss_mb < 600


def test_a_crash_is_a_crash(run: Run) -> None:
    outcome = run("import ctypes\ndef f(x): ctypes.string_at(8)", 1)
    assert outcome.status == "crashed" and "signal 11" in (outcome.message or "")
    outcome = run("import os\ndef f(x): os._exit(0)", 1)
    assert outcome.status == "crashed" and "exit code 0" in (outcome.message or "")
    assert answers(run("def f(x): return x", 1)) == [1]


@pytest.mark.parametrize("value", ["object()", "1j", "lambda: 0", "'\\ud800'", "[[object()]]", "deep"])
def test_what_cannot_be_encoded_is_invalid(run: Run, value: str) -> None:
    outcome = run(f"deep = []\nfor _ in range(99): deep = [deep, b'']\ndef f(x): return {value}", 1)
    assert outcome.status == "invalid_output" and outcome.message


def test_outputs_share_one_limit(run: Run) -> None:
    outcome = run("def f(x): return b'a' * x", 600, 600, output_bytes=1000)
    assert outcome.status == "invalid_output" and len(outcome.outputs) == 1
    assert "1000" in (outcome.message or "")


def test_the_log_is_kept_cleaned_and_bounded(run: Run) -> None:
    outcome = run(r"def f(x): print('out', '\x1b[2J\x07'); print('err', file=__import__('sys').stderr)", 1)
    assert outcome.status == "ok" and outcome.log == "out \nerr\n"
    outcome = run("def f(x): print('a' * x)", 5000, log_bytes=1000)
    assert outcome.status == "ok" and outcome.log == "a" * 1000


def test_map_keeps_the_order(pool: Pool) -> None:
    files = {"m.py": "def f(x): return -x"}
    outcomes = pool.map([Job(files, "m.py:f", [values.encode(i)]) for i in range(10)])
    assert [answers(outcome) for outcome in outcomes] == [[-i] for i in range(10)]


def test_a_job_that_cannot_be_sent_is_the_callers_error(pool: Pool) -> None:
    with pytest.raises(ValueError, match="surrogates"):
        pool.submit(Job({"m.py": "\ud800"}, "m.py:f", [])).result(timeout=30)
    with pytest.raises(ValueError, match="wall_s"):
        Limits(wall_s=0)
