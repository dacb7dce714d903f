"""The time that counts, the guard on load and first call, batches of distinct calls: arithmetic, then real programs."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfproof.domains import timing
from selfproof.domains.base import Finalist
from selfproof.domains.speed import Speed
from selfproof.jail import JailUnavailable, Limits, Outcome, Pool, values
from selfproof.life import opened
from selfproof.nouns import Candidate, UsageError
from selfproof.trial import replay
from selfproof.trial.calls import distinct

LIMITS = Limits(wall_s=20.0)


def outcome(seconds: tuple[float, ...], cpu: tuple[float, ...], load: float = 0.0, status: str = "ok") -> Outcome:
    outputs = tuple(b"x" for _ in seconds)
    return Outcome(status, outputs, None, seconds, 0.0, 0.0, "", "jail", (), cpu=cpu, load_seconds=load)  # type: ignore[arg-type]


EMPTY = outcome((0.25, 0.25), (0.125, 0.125))


@pytest.mark.parametrize(
    ("seconds", "cpu", "wanted"),
    [
        ((1.0, 3.0), (1.0, 2.0), 3.5),  # waited: wall time counts
        ((1.0, 1.0), (2.0, 2.0), 3.75),  # several threads: processor time counts, less its own overhead
        ((0.25, 0.25), (0.1, 0.1), 0.025),  # nothing left: a twentieth stays
        ((1.0, 1.0), (), 1.5),  # no processor time known
    ],
)
def test_the_larger_of_wall_and_processor_time_counts(
    seconds: tuple[float, ...], cpu: tuple[float, ...], wanted: float
) -> None:
    assert replay.counted(outcome(seconds, cpu), EMPTY) == pytest.approx(wanted)


def test_an_empty_call_that_failed_is_not_subtracted() -> None:
    assert replay.counted(outcome((1.0,), (2.0,)), outcome((), (), status="timeout")) == 2.0
    assert replay.counted(outcome((1.0,), (0.5,))) == 1.0


def test_starting_is_load_and_first_call() -> None:
    assert replay.starting(outcome((1.0, 8.0), (2.0, 9.0), load=0.5)) == 2.5
    assert replay.starting(outcome((1.0, 8.0), (), load=0.5)) == 1.5


def test_late_is_a_quarter_and_a_millisecond_in_the_median_pair() -> None:
    assert replay.late([(0.004, 0.0059)] * 3) is None
    assert "6.1 ms" in (replay.late([(0.004, 0.0061)] * 3) or "")
    assert replay.late([(0.004, 0.004)] * 4 + [(0.004, 1.0)] * 3) is None, "a few slow pairs are the machine's"
    assert replay.late([(0.004, 0.008)] * 4 + [(1.0, 0.004)] * 3), "and so are a few slow pairs of the other version"
    assert replay.late([]), "what was not measured is not passed"


def test_every_output_is_compared() -> None:
    first = outcome((1.0, 1.0), ())
    assert replay.differs(first, first) is None
    assert replay.differs(first, replace(first, outputs=(b"x", b"y"))) == "an output differs"
    assert replay.differs(first, replace(first, outputs=(b"x",))) == "an output differs"
    assert "timeout" in (replay.differs(first, replace(first, status="timeout")) or "")


def test_the_first_call_is_an_input_of_its_own() -> None:
    empty, job = replay.replay_jobs([{}], "m.py:f", [[1], [2], [3]], LIMITS)
    assert [values.decode(data) for data in job.inputs] == [[[1]], [[2], [3]]] and job.timed
    assert empty.inputs is job.inputs and empty.timed and "nothing.py" in empty.files
    assert [values.decode(data) for data in replay.replay_jobs([{}], "m.py:f", [[1]], LIMITS)[1].inputs] == [[[1]]]


def test_no_call_of_a_batch_comes_twice() -> None:
    rng = random.Random(1)
    calls: list[list[Any]] = [[[rng.randrange(9) for _ in range(12)], "text", n % 3] for n in range(5)]
    found = distinct([*calls, *calls, *calls], 30, 1 << 20)
    assert found[:5] == calls and len(found) == 30
    assert len({values.encode(args) for args in found}) == 30
    assert all(6 <= len(args[0]) <= 12 and args[1:] in [call[1:] for call in calls] for args in found)


def test_variants_shorten_equally_long_arguments_alike() -> None:
    assert distinct([[[1, 2, 3, 4], (5, 6, 7, 8), "ab", None]], 3, 1 << 20) == [
        [[1, 2, 3, 4], (5, 6, 7, 8), "ab", None],
        [[1, 2, 3], (5, 6, 7), "ab", None],
        [[1, 2], (5, 6), "ab", None],
    ]
    assert distinct([[5], [5], [6]], 64, 1 << 20) == [[5], [6]], "numbers have no variant"
    for nothing in ([[""], [""]], [[], []], []):
        assert distinct(nothing, 8, 1 << 20) == nothing[:1]
    assert distinct([[1], [2], [3]], 2, 1 << 20) == [[1], [2]]
    assert 2 < len(distinct([["a" * 1000]], 64, 4000)) < 7, "as many as the bytes allow"


# -- real programs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=("jail", "confined"))
def life(request: pytest.FixtureRequest) -> Iterator[Any]:
    """As much of a life as a timed pair needs, with a real pool."""
    try:
        pool = Pool(1, require=request.param)
    except JailUnavailable as problem:
        pytest.skip(f"{request.param} is not here: {problem}")
    with pool:
        yield SimpleNamespace(
            jail=pool, limits_of=lambda objective: LIMITS, charter=SimpleNamespace(objective=str), trials=0,
            cpu_seconds=0.0, pause_point=lambda: None,
        )  # fmt: skip


def measured(life: Any, one: str, two: str, calls: list[list[Any]], pairs: int = 5) -> list[timing.Timed]:
    versions = [Candidate(name, "o", {"m.py": text}) for name, text in (("one", one), ("two", two))]
    found = []
    for i in range(pairs):
        timed, broken = timing.pair(life, *versions, "m.py:f", calls, bool(i % 2))
        assert timed is not None, broken
        found.append(timed)
    return found


def speedup(pairs: list[timing.Timed]) -> float:
    return statistics.median(pair.row[0] / pair.row[1] for pair in pairs)


SEQUENTIAL = """
import zlib
def f(data):
    return [len(zlib.compress(data[part::2], 9)) for part in (0, 1)]
"""
THREADED = """
import zlib
from concurrent.futures import ThreadPoolExecutor
def f(data):
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(lambda part: len(zlib.compress(data[part::2], 9)), (0, 1)))
"""
BESIDE = """
import threading, zlib
def f(data):
    found = []
    def work():
        found.extend(len(zlib.compress(data[part::2], 9)) for part in (0, 1))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found
"""


@pytest.mark.parametrize("threads", [THREADED, BESIDE], ids=["two threads", "another thread"])
def test_threads_do_not_make_a_program_look_faster(life: Any, threads: str) -> None:
    rng = random.Random(1)
    calls = [[rng.randbytes(1 << 18).hex().encode()] for _ in range(3)]
    assert speedup(measured(life, SEQUENTIAL, threads, calls, 7)) < 1.5


SQUARES = "def f(n):\n    return sum(k * k for k in range(n))\n"
REMEMBERED = "_memo = {}\ndef f(n):\n    if n not in _memo:\n        _memo[n] = sum(k * k for k in range(n))\n    return _memo[n]\n"  # noqa: E501
FORMULA = "def f(n):\n    return (n - 1) * n * (2 * n - 1) // 6\n"
TABLE = "_TABLE = [0]\nfor _k in range(60_000):\n    _TABLE.append(_TABLE[-1] + _k * _k)\n"
IMPORTED = TABLE + "def f(n):\n    return _TABLE[n]\n"
LAZY = (
    "_TABLE = []\ndef f(n):\n    if not _TABLE:\n        _TABLE.append(0)\n        for k in range(60_000):\n"
    "            _TABLE.append(_TABLE[-1] + k * k)\n    return _TABLE[n]\n"
)


def test_remembered_answers_do_not_pay(life: Any) -> None:
    """As recorded, one call again and again; a batch is made of distinct ones."""
    again: list[list[Any]] = [[20_000 + k % 4] for k in range(64)]
    calls = distinct(again, 64, 1 << 20)
    assert len(calls) == 4 and speedup(measured(life, SQUARES, REMEMBERED, calls, 7)) < 3, "not sixteen times"


@pytest.mark.parametrize("rewrite", [IMPORTED, LAZY], ids=["at import", "in the first call"])
def test_a_table_that_is_built_before_the_clock_is_late(life: Any, rewrite: str) -> None:
    calls = [[n] for n in range(3000, 3100)]
    starts = [pair.starts for pair in measured(life, SQUARES, rewrite, calls)]
    assert "moved" in (replay.late(starts) or "")


def test_an_honest_rewrite_is_not_late(life: Any) -> None:
    late: list[str | None] = []
    while None not in late and len(late) < 5:  # a busy machine may be to blame for one, not for all
        pairs = measured(life, SQUARES, FORMULA, [[n] for n in range(3000, 3100)], 9)
        late.append(replay.late([pair.starts for pair in pairs]))
    assert None in late and speedup(pairs) > 1.5, late


def test_pairs_are_booked(life: Any) -> None:
    before = life.trials, life.cpu_seconds
    measured(life, SQUARES, FORMULA, [[5]], 1)
    assert life.trials == before[0] + 3 and life.cpu_seconds > before[1]


def test_a_timed_objective_may_not_start_subprocesses(cli: Any, tmp_path: Path) -> None:
    folder = tmp_path / "life"
    assert cli.run("init", folder).code == 0
    with opened(folder, seed=1) as life:
        objective = replace(life.charter.objective("operations"), allow=("subprocesses",))
        with pytest.raises(UsageError, match="subprocesses"):
            Speed(life, objective)


WEIGHTS = """    total = 0
    for place in range(len(history)):
        total += place + 1
    return total
"""
MOVED = "_SUMS = [0]\nfor _place in range(60_000):\n    _SUMS.append(_SUMS[-1] + _place + 1)\n\n\ndef total_weight("


@pytest.mark.slow
def test_an_adoption_is_refused_where_work_was_moved(cli: Any, tmp_path: Path) -> None:
    """The shipped program, its own workload, and the check that stands before every adoption."""
    folder = tmp_path / "life"
    assert cli.run("init", folder).code == 0
    with opened(folder, seed=1) as life:
        domain = Speed(life, life.charter.objective("operations"))
        incumbent = life.version(domain.objective)
        text = incumbent.files["notebook.py"]
        assert WEIGHTS in text and "def total_weight(" in text
        formula = text.replace(WEIGHTS, "    return len(history) * (len(history) + 1) // 2\n")
        table = text.replace(WEIGHTS, "    return _SUMS[len(history)]\n").replace("def total_weight(", MOVED)

        def told(rewrite: str, number: int) -> list[str | None]:
            """What the check says of the pairs that were measured, and after a restart, when it measures again."""
            candidate = life.candidate(domain.objective, {**life.files(), "notebook.py": rewrite})
            finalist = Finalist(candidate, incumbent, (), {"function": "notebook.py:total_weight"})
            assert domain.measure(finalist, range(8 * number, 8 * number + 8)).broken is None
            first = domain.check(finalist, 2)
            domain.settled(finalist, adopted=False)
            return [first, domain.check(finalist, 3)]

        honest = [told(formula, 0)]
        while not all(None in some for some in zip(*honest, strict=True)) and len(honest) < 5:
            honest.append(told(formula, len(honest)))  # a busy machine may be to blame for one, not for all
        assert all(None in some for some in zip(*honest, strict=True)), honest
        assert all("work was moved" in str(reason) for reason in told(table, 9))
