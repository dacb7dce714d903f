"""What a trial costs, side by side: ``python benchmarks/trials.py [--rounds 5] [--trials 200] [--json] [--write]``.

One small program (import NumPy, about 1 ms of sorting; and one without NumPy) on one input, in every way of running it
that a self-improving program could choose. Ways are interleaved, round by round, in one process; the table holds the
median over rounds. CPU is that of this process and of everything below it: from a control group of its own where one
can be made (cpuacct, or version 2), else from /proc, where bubblewrap's row has none because it does not wait for what
it started. Two workers, but one where everything happens in this process. Memory is the proportional set size of all
that was started, with two trials in flight. The last table is what the engine adds to trials that really work: the CPU
of everything, less that of the same work in plain processes, both with two at a time, rounds interleaved.
``--write`` puts the tables into docs/isolation.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from selfproof.jail import JailUnavailable, Job, Limits, Outcome, Pool, launch, values

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
ASLEEP = """import time
import numpy

def solve(x):
    time.sleep(1.0)
    return float(numpy.arange(x)[-1])
"""
BUSY = """def solve(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total
"""
Way = Callable[[str, Sequence[int]], list[float]]
GROUPS = Path("/proc/self/cgroup")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "isolation.md"
BEGIN, END = "<!-- trials:begin -->", "<!-- trials:end -->"
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
        free, taken = threading.Semaphore(2), []

        def start(x: int) -> Future[Outcome]:
            free.acquire()
            began = time.perf_counter()

            def done(future: Future[Outcome]) -> None:
                taken.append(time.perf_counter() - began)
                free.release()

            job = Job({"p.py": source}, "p.py:solve", [values.encode(x)], limits=Limits(), screening=screening)
            future = pool.submit(job)
            future.add_done_callback(done)
            return future

        for outcome in [future.result() for future in [start(x) for x in inputs]]:
            if outcome.status != "ok":
                raise RuntimeError(f"{outcome.status}: {outcome.message}")
        return taken

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


class Account:
    """CPU seconds of this process and everything that it starts from now on."""

    def __init__(self, usage: Path | None) -> None:
        self._usage, self.complete = usage, usage is not None

    def seconds(self) -> float:
        """User and system time so far."""
        if self._usage is None:  # ended children are in their parent's account, if that has waited for them
            return sum(sum(map(int, row[11:15])) for row in family().values()) / TICK
        text = self._usage.read_text()
        return int(text.split()[1]) / 1e6 if text.startswith("usage_usec") else int(text) / 1e9


@contextlib.contextmanager
def account() -> Iterator[Account]:
    """Account for this process in a control group of its own, or from /proc where none can be made."""
    places = {names: path for _, names, path in (row.split(":", 2) for row in GROUPS.read_text().splitlines())}
    version_1 = [Path("cpuacct", path.lstrip("/")) for names, path in places.items() if "cpuacct" in names.split(",")]
    version_2 = [Path(root, places[""].lstrip("/")) for root in ("", "unified") if "" in places]
    for parent in (Path("/sys/fs/cgroup") / path for path in (*version_1, *version_2)):
        group = parent / f"selfproof-trials-{os.getpid()}"
        usage = group / ("cpuacct.usage" if version_1 and parent.match(f"*/{version_1[0]}") else "cpu.stat")
        try:
            group.mkdir()
            (group / "cgroup.procs").write_text(str(os.getpid()))
            usage.read_text()
        except OSError:
            with contextlib.suppress(OSError):
                group.rmdir()
            continue
        try:
            yield Account(usage)
        finally:
            (parent / "cgroup.procs").write_text(str(os.getpid()))
            for _ in range(100):  # until everything that was in it has quite gone
                with contextlib.suppress(OSError):
                    group.rmdir()
                    break
                time.sleep(0.05)
        return
    yield Account(None)


def proportional_mb() -> float:
    """Proportional set size of everything below this process; NaN where the kernel does not let us look."""
    total = 0
    for pid in set(family()) - {os.getpid()}:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except PermissionError:
            return math.nan
        except (FileNotFoundError, ProcessLookupError):
            continue
        found = re.search(r"^Pss: +(\d+)", text, re.MULTILINE)
        total += int(found[1]) if found else 0
    return total / 1024


def offered() -> dict[str, tuple[Callable[[ExitStack], Way], float]]:
    """How to open every way that this machine offers, with the share of the trials that it gets (slow: fewer)."""
    bubblewrap = launch.bubblewrap()
    found: dict[str, tuple[Callable[[ExitStack], Way], float]] = {
        "in-process exec": (lambda stack: in_process, 1.0),
        "ProcessPoolExecutor": (lambda stack: pooled(stack.enter_context(ProcessPoolExecutor(2))), 1.0),
        "plain subprocess": (lambda stack: subprocesses(), 0.2),
    }
    if bubblewrap:
        words = bubblewrap, "--ro-bind", "/", "/", "--unshare-all"
        found[BWRAP] = (lambda stack: subprocesses(*words), 0.2)

    def opener(tier: str, screening: bool) -> Callable[[ExitStack], Way]:
        return lambda stack: jailed(stack.enter_context(Pool(2, require=tier)), screening=screening)

    for tier in ("confined", "jail"):
        try:
            Pool(1, require=tier).close()
        except JailUnavailable as problem:
            print(f"{tier}: not here ({problem})", file=sys.stderr)
            continue
        found[f"{tier} (fork)"] = (opener(tier, screening=False), 1.0)
        found[f"{tier} (persistent)"] = (opener(tier, screening=True), 1.0)
    return found


def measure(spent: Account, way: Way, source: str, inputs: Sequence[int], *, accounted: bool) -> dict[str, float]:
    """One round of one way."""
    before, began = spent.seconds(), time.perf_counter()
    taken = sorted(way(source, inputs))
    wall = time.perf_counter() - began
    return {
        "per_second": len(inputs) / wall,
        "cpu_ms": 1e3 * (spent.seconds() - before) / len(inputs) if accounted else math.nan,
        "p50_ms": 1e3 * statistics.median(taken),
        "p95_ms": 1e3 * taken[int(0.95 * (len(taken) - 1))],
    }


def memory_mb(opened: Callable[[ExitStack], Way]) -> float:
    """What two trials in flight hold together with what runs them, this process left out."""
    with ExitStack() as stack:
        way = opened(stack)
        way(WITH_NUMPY, range(4))
        if way is in_process:
            return math.nan
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(way, ASLEEP, [1000, 1001])
            time.sleep(0.7)
            found = proportional_mb()
            done.result()
    return found


def table(spent: Account, source: str, rounds: int, trials: int) -> dict[str, dict[str, float]]:
    """Medians over interleaved rounds."""
    measured: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        ready = {name: (opened(stack), share) for name, (opened, share) in offered().items()}
        for name, (way, share) in ready.items():
            way(source, range(max(4, int(8 * share))))  # start what starts on first use
            measured[name] = []
        for number in range(rounds):
            for name, (way, share) in ready.items():
                inputs = range(number * trials, number * trials + max(4, int(trials * share)))
                accounted = spent.complete or name != BWRAP
                measured[name].append(measure(spent, way, source, inputs, accounted=accounted))
    return {
        name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in measured.items()
    }


def overhead(spent: Account, rounds: int, work_ms: float) -> dict[str, dict[str, float]]:
    """CPU that the engine adds, as a share of the CPU of the same work in plain processes, two at a time."""
    tried, count = 200_000, max(10, int(1000 / work_ms))
    n = int(tried * work_ms / 1e3 / min(work_seconds(tried) for _ in range(20)))
    inputs = [n] * count
    with ExitStack() as stack:
        executor = stack.enter_context(ProcessPoolExecutor(2))
        ready = {name: opened(stack) for name, (opened, _) in offered().items() if "(" in name}
        shares: dict[str, list[float]] = {name: [] for name in ready}
        works = []
        for number in range(rounds + 1):
            work = sum(executor.map(work_seconds, inputs))
            for name, way in ready.items():
                before = spent.seconds()
                way(BUSY, inputs)
                used = spent.seconds() - before
                again = sum(executor.map(work_seconds, inputs))  # before and after, for clocks and neighbours change
                if number:  # the first round warms up
                    shares[name].append(used / ((work + again) / 2) - 1)
                    works.append(again / count)
                work = again
    return {
        name: {"work_ms": 1e3 * statistics.median(works), "share": statistics.median(found)}
        for name, found in shares.items()
    }


def work_seconds(n: int) -> float:
    """CPU seconds of the busy loop by itself."""
    scope: dict[str, Any] = {}
    exec(BUSY, scope)
    began = time.thread_time()
    scope["solve"](n)
    return time.thread_time() - began


def cell(value: float, digits: int) -> str:
    """A number, or a dash for none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def markdown(results: dict[str, Any]) -> str:
    """The tables."""
    lines = [
        f"Measured on {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}; "
        f"medians of {results['rounds']} interleaved rounds; load average before: {results['load']:.1f}."
    ]
    for title, rows in results["tables"].items():
        plain, bare = rows["plain subprocess"]["per_second"], rows["in-process exec"]["cpu_ms"]
        lines += ["", f"A small trial {title}:", ""]
        lines += ["| way | trials/s | x subprocess | CPU ms | x exec | p50 ms | p95 ms | MiB for two |"]
        lines += ["|---|--:|--:|--:|--:|--:|--:|--:|"]
        for name, row in rows.items():
            numbers = (
                cell(row["per_second"], 1), cell(row["per_second"] / plain, 1), cell(row["cpu_ms"], 2),
                cell(row["cpu_ms"] / bare, 1), cell(row["p50_ms"], 2), cell(row["p95_ms"], 2),
                cell(results["memory_mb"][name], 0),
            )  # fmt: skip
            lines.append(f"| {' | '.join((name, *numbers))} |")
    lines += ["", "CPU that the engine adds to a trial's own work, two at a time:", ""]
    sizes = list(results["overhead"])
    lines += [f"| way | {' | '.join(f'{size} ms of work' for size in sizes)} |", f"|---|{'--:|' * len(sizes)}"]
    for name in results["overhead"][sizes[0]]:
        found = [f"{100 * results['overhead'][size][name]['share']:.1f} %" for size in sizes]
        lines.append(f"| {' | '.join((name, *found))} |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the tables between the marks of the page."""
    page = PAGE.read_text("utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE} has no place for the tables: {BEGIN} ... {END}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--work", type=int, nargs="*", default=[50, 200], help="milliseconds of work, last table")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="rewrite the tables in docs/isolation.md")
    options = parser.parse_args()
    for library in ("OMP", "OPENBLAS", "MKL"):  # before NumPy is imported anywhere below
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    with account() as spent:
        results: dict[str, Any] = {
            "rounds": options.rounds,
            "load": os.getloadavg()[0],  # other work slows every row down; ratios and CPU suffer least
            "overhead": {str(size): overhead(spent, options.rounds, size) for size in options.work},
            "tables": {
                "with NumPy": table(spent, WITH_NUMPY, options.rounds, options.trials),
                "without NumPy": table(spent, WITHOUT_NUMPY, options.rounds, options.trials),
            },
            "memory_mb": {name: memory_mb(opened) for name, (opened, _) in offered().items()},
        }
    print(json.dumps(results).replace("NaN", "null") if options.json else markdown(results))
    if options.write:
        write(markdown(results))


if __name__ == "__main__":
    main()
