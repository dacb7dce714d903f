"""What a trial costs, side by side: ``python benchmarks/trials.py [--rounds 5] [--trials 60] [--json]``.

One small program (import NumPy, about 1 ms of sorting; and one without NumPy) on one input, in every way of running it
that a self-improving program could choose. Ways are interleaved, round by round, in one process; the table holds the
median over rounds. CPU is that of this process and of everything below it, from the kernel's accounts; bubblewrap
does not wait for what it started, so that row has none. Two workers, but one where everything happens in this process.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from selfproof.jail import JailUnavailable, Job, Limits, Pool, launch, values

WITH_NUMPY = """import numpy as np

def solve(x):
    return float(np.sort(np.random.default_rng(x).random(16_000))[0])
"""
WITHOUT_NUMPY = """def solve(x):
    return sorted((x * i * 7919) % 10007 for i in range(4_000))[0]
"""
RUNNER = """import json, sys
source, x = json.load(sys.stdin)
scope = {}
exec(source, scope)
print(json.dumps(scope["solve"](x)))
"""
Way = Callable[[str, Sequence[int]], list[float]]
BWRAP = "bwrap per trial"
TICK = os.sysconf("SC_CLK_TCK")


def execute(task: tuple[str, int]) -> float:
    """Run the program in this process: seconds."""
    began = time.perf_counter()
    scope: dict[str, Any] = {}
    exec(task[0], scope)
    json.dumps(scope["solve"](task[1]))
    return time.perf_counter() - began


def in_process(source: str, inputs: Sequence[int]) -> list[float]:
    """No isolation: ``exec``."""
    return [execute((source, x)) for x in inputs]


def subprocesses(*before: str) -> Way:
    """A Python process for each trial, behind the words in ``before``; its output is parsed."""

    def one(task: tuple[str, int]) -> float:
        began = time.perf_counter()
        words = [*before, sys.executable, "-c", RUNNER]
        done = subprocess.run(words, input=json.dumps(task), capture_output=True, text=True, check=True)
        json.loads(done.stdout)
        return time.perf_counter() - began

    def way(source: str, inputs: Sequence[int]) -> list[float]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, [(source, x) for x in inputs]))

    return way


def pooled(executor: ProcessPoolExecutor) -> Way:
    """The standard library's process pool: crashes are contained, nothing else is."""
    return lambda source, inputs: list(executor.map(execute, [(source, x) for x in inputs]))


def jailed(pool: Pool, *, screening: bool) -> Way:
    """A selfproof worker: a fork for each trial, or for screening one process for many."""

    def way(source: str, inputs: Sequence[int]) -> list[float]:
        def answered(job: Job) -> float:
            began = time.perf_counter()
            outcome = pool.submit(job).result()
            if outcome.status != "ok":
                raise RuntimeError(f"{outcome.status}: {outcome.message}")
            return time.perf_counter() - began

        jobs = [
            Job({"p.py": source}, "p.py:solve", [values.encode(x)], limits=Limits(), screening=screening)
            for x in inputs
        ]
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(answered, jobs))

    return way


def family() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat after the name, for this process and everything below it."""
    rows = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            rows[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {os.getpid()}
    while new := {pid for pid, row in rows.items() if int(row[1]) in found} - found:
        found |= new
    return {pid: rows[pid] for pid in found if pid in rows}


def cpu_seconds() -> float:
    """User and system time of the family, ended children included."""
    return sum(sum(map(int, row[11:15])) for row in family().values()) / TICK


def resident_mb() -> float:
    """Resident memory of the family, shared pages counted once for each process."""
    return sum(int(row[21]) for row in family().values()) * os.sysconf("SC_PAGE_SIZE") / 2**20


def ways(stack: ExitStack) -> dict[str, tuple[Way, float]]:
    """Every way that this machine offers, with the share of the trials that it gets (slow ones get fewer)."""
    found: dict[str, tuple[Way, float]] = {
        "in-process exec": (in_process, 1.0),
        "ProcessPoolExecutor": (pooled(stack.enter_context(ProcessPoolExecutor(2))), 1.0),
        "plain subprocess": (subprocesses(), 0.2),
    }
    bubblewrap = launch.bubblewrap()
    if bubblewrap:
        found[BWRAP] = (subprocesses(bubblewrap, "--ro-bind", "/", "/", "--unshare-all"), 0.2)
    for tier in ("confined", "jail"):
        try:
            pool = stack.enter_context(Pool(2, require=tier))
        except JailUnavailable as problem:
            print(f"{tier}: not here ({problem})", file=sys.stderr)
            continue
        found[f"{tier} (fork)"] = (jailed(pool, screening=False), 1.0)
        found[f"{tier} (persistent)"] = (jailed(pool, screening=True), 1.0)
    return found


def measure(way: Way, source: str, inputs: Sequence[int], *, accounted: bool) -> dict[str, float]:
    """One round of one way."""
    before, began = cpu_seconds(), time.perf_counter()
    taken = sorted(way(source, inputs))
    wall = time.perf_counter() - began
    return {
        "per_second": len(inputs) / wall,
        "cpu_ms": 1e3 * (cpu_seconds() - before) / len(inputs) if accounted else math.nan,
        "p50_ms": 1e3 * statistics.median(taken),
        "p95_ms": 1e3 * taken[int(0.95 * (len(taken) - 1))],
        "resident_mb": resident_mb(),
    }


def table(source: str, rounds: int, trials: int) -> dict[str, dict[str, float]]:
    """Medians over interleaved rounds; resident memory is that of the whole run, so it is only an upper bound."""
    measured: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        offered = ways(stack)
        for name, (way, share) in offered.items():
            way(source, range(max(4, int(8 * share))))  # start what starts on first use
            measured[name] = []
        for number in range(rounds):
            for name, (way, share) in offered.items():
                inputs = range(number * trials, number * trials + max(4, int(trials * share)))
                measured[name].append(measure(way, source, inputs, accounted=name != BWRAP))
    return {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in measured.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for library in ("OMP", "OPENBLAS", "MKL"):  # before NumPy is imported anywhere below
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    tables = {
        "with NumPy": table(WITH_NUMPY, options.rounds, options.trials),
        "without NumPy": table(WITHOUT_NUMPY, options.rounds, options.trials),
    }
    if options.json:
        print(json.dumps(tables).replace("NaN", "null"))
        return
    for title, rows in tables.items():
        plain, bare = rows["plain subprocess"]["per_second"], rows["in-process exec"]["cpu_ms"]
        print(f"\n{title}: median of {options.rounds} interleaved rounds")
        print(f"{'':24} {'trials/s':>9} {'x plain':>8} {'CPU ms':>8} {'x exec':>7} {'p50 ms':>8} {'p95 ms':>8}")
        for name, row in rows.items():
            print(
                f"{name:24} {row['per_second']:9.1f} {row['per_second'] / plain:8.1f} {row['cpu_ms']:8.2f} "
                f"{row['cpu_ms'] / bare:7.1f} {row['p50_ms']:8.2f} {row['p95_ms']:8.2f}"
            )


if __name__ == "__main__":
    main()
