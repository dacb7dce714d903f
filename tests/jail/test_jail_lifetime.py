"""Processes: none outlives its engine, none outlives the pool, and a worker that is lost is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from conftest import TIERS, need
from selfproof.jail import Job, Limits, Pool, pool, values

HANG = {"m.py": "def f(x):\n    while True: pass"}
ECHO = {"m.py": "def f(x): return x"}
ONE = [values.encode(1)]

ENGINE = """
import sys, time
from selfproof.jail import Job, Limits, Pool, values
program = {"m.py": "def f(x):\\n    while True: pass"}
hang = Job(program, "m.py:f", [values.encode(1)], limits=Limits(wall_s=60, cpu_s=60))
pool = Pool(1, require=sys.argv[1])
pool.submit(hang)
time.sleep(0.3)
print("hung", flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(ancestor: int) -> set[int]:
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found: set[int] = set()
    while new := {pid for pid, parent in parents.items() if parent in found | {ancestor}} - found:
        found |= new
    return found


def all_gone(pids: set[int], within_s: float) -> bool:
    deadline = time.perf_counter() + within_s
    while any(map(alive, pids)):
        if time.perf_counter() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("tier", TIERS)
def test_nothing_outlives_an_engine_that_is_killed(tier: str) -> None:
    need(tier)
    with subprocess.Popen([sys.executable, "-c", ENGINE, tier], stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None and engine.stdout.readline() == b"hung\n"
        ours = descendants(engine.pid)
        assert len(ours) >= (3 if tier == "jail" else 2)  # (bubblewrap,) fork-server, candidate
        engine.kill()
        engine.wait()
        assert all_gone(ours, 1.0)


@pytest.mark.parametrize("tier", TIERS)
def test_closing_waits_for_no_run_and_leaves_nothing(tier: str) -> None:
    need(tier)
    before = descendants(os.getpid())
    made = Pool(2, require=tier)
    limits = Limits(wall_s=60, cpu_s=60)
    running = [made.submit(Job(HANG, "m.py:f", ONE, limits=limits)) for _ in range(2)]
    waiting = made.submit(Job(ECHO, "m.py:f", ONE))
    while not all(future.running() for future in running):
        time.sleep(0.01)
    time.sleep(0.2)
    ours = descendants(os.getpid()) - before
    assert len(ours) >= 4
    started = time.perf_counter()
    made.close()
    assert time.perf_counter() - started < 10.0, "what runs would have gone on for a minute"
    assert all_gone(ours, 5.0)
    assert {future.result(timeout=1).status for future in running} == {"jail_failed"}
    with pytest.raises(CancelledError):
        waiting.result(timeout=1)
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        made.submit(Job(ECHO, "m.py:f", ONE))


@pytest.mark.parametrize("tier", TIERS)
def test_workers_do_not_hear_the_terminal(tier: str) -> None:
    need(tier)
    before = descendants(os.getpid())
    with Pool(1, require=tier):
        ours = descendants(os.getpid()) - before
        assert ours and all(os.getsid(pid) != os.getsid(0) for pid in ours)


@pytest.mark.parametrize("tier", TIERS)
def test_a_worker_killed_from_outside_is_replaced_and_the_job_run_again(tier: str) -> None:
    need(tier)
    before = descendants(os.getpid())
    with Pool(1, require=tier) as made:
        for pid in descendants(os.getpid()) - before:
            os.kill(pid, signal.SIGKILL)
        outcome = made.submit(Job(ECHO, "m.py:f", ONE)).result(timeout=30)
        assert outcome.status == "ok"


@pytest.mark.parametrize("tier", TIERS)
def test_a_worker_stopped_from_outside_is_given_up(tier: str) -> None:
    need(tier)
    before = descendants(os.getpid())
    with Pool(1, require=tier) as made:
        stopped = descendants(os.getpid()) - before
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        outcome = made.submit(Job(ECHO, "m.py:f", ONE, limits=Limits(wall_s=0.5))).result(timeout=30)
        assert outcome.status == "ok"  # never the candidate's fault: run again in a new worker
        assert all_gone(stopped, 0.5)


def test_workers_are_replaced_after_many_jobs_and_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_JOBS_PER_WORKER", 4)
    which = {"m.py": "import os\nimport sys\ndef f(x): return [os.getuid(), id(sys)]"}
    crash = Job({"m.py": "import ctypes\ndef f(x): ctypes.string_at(8)"}, "m.py:f", ONE)
    with Pool(1, require="confined") as made:
        seen = [made.submit(Job(which, "m.py:f", ONE)).result(timeout=30).outputs for _ in range(5)]
        assert seen[0] == seen[1] == seen[2] != seen[3] == seen[4]  # the probe was the first of four
        assert made.submit(crash).result(timeout=30).status == "crashed"
        assert made.submit(Job(which, "m.py:f", ONE)).result(timeout=30).outputs != seen[4]


def test_a_pool_serves_many_threads() -> None:
    results: dict[int, object] = {}
    with Pool(2, require="confined") as made:

        def ask(number: int) -> None:
            job = Job(ECHO, "m.py:f", [values.encode(number)])
            results[number] = values.decode(made.submit(job).result(timeout=30).outputs[0])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {number: number for number in range(12)}


def test_no_descriptor_is_lost() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    with Pool(1, require="confined") as made:
        made.map([Job(ECHO, "m.py:f", ONE)] * 3)
        during = count()
        made.map([Job(ECHO, "m.py:f", ONE), Job({"m.py": "x"}, "m.py:f", ONE)] * 3)
        assert count() == during
    assert count() == before
