"""How often each rule says "faster" when a function is timed against itself, on the machine that this runs on.

One pure-Python function of about 2 ms, 60 calls as A and 60 as B, many times over: in a random order within each pair,
and all of A and then all of B. Every "faster" is false. Once as the machine is, once with a neighbour that is busy in
bursts on the same core (this process is kept on one core, so that the neighbour disturbs it).

Two copies of the function, compiled apart, are a different matter: where their code lies in memory makes one of them
faster, often by a percent, as long as the process lives. That is a true difference of no use to anybody, and the last
rows show what becomes of it: a rule that finds true differences finds it, unless a least gain is asked for. (A speed
objective of selfproof starts each version in a process of its own for each pair.)

    python benchmarks/aa_timing.py                      about four minutes
    python benchmarks/aa_timing.py --experiments 20     a rough look

`benchmarks/gate.py --write` puts the table into docs/gate.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from selfproof.certify import Pair, Rule, judge, robust_scale, speed_pair

PAIRS, SCALE_PAIRS, ALPHA, LEAST = 60, 8, 0.05, 0.02
MILLISECONDS = 2.0
EXPERIMENTS = 100
QUANTILE = 1.671
"""The one-sided 5% quantile of Student's t at 59 degrees of freedom; for Welch, which has 59 to 118, it is strict."""

SOURCE = """def work(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total
"""
NEIGHBOUR = """import random, sys, time
rng = random.Random(int(sys.argv[1]))
while True:
    end = time.perf_counter() + rng.uniform(0.005, 0.2)
    while time.perf_counter() < end:
        sum(range(500))
    time.sleep(rng.uniform(0.005, 0.2))
"""
Work = Callable[[int], int]
Times = list[tuple[float, float]]
"""Seconds of both copies, pair by pair."""


def copy_of_the_work() -> Work:
    """The function, compiled by itself."""
    scope: dict[str, Any] = {}
    exec(SOURCE, scope)
    work: Work = scope["work"]
    return work


def seconds(work: Work, n: int) -> float:
    """One call on the wall clock."""
    began = time.perf_counter()
    work(n)
    return time.perf_counter() - began


def size() -> int:
    """How many rounds of the loop take about two milliseconds here, undisturbed."""
    work, tried = copy_of_the_work(), 10_000
    return max(100, int(tried * MILLISECONDS / 1e3 / min(seconds(work, tried) for _ in range(50))))


def in_random_order(works: tuple[Work, Work], n: int, rng: random.Random) -> Times:
    """Which of the two runs first is drawn for each pair."""
    times = []
    for _ in range(PAIRS):
        if rng.random() < 0.5:
            first = seconds(works[0], n)
            times.append((first, seconds(works[1], n)))
        else:
            second = seconds(works[1], n)
            times.append((seconds(works[0], n), second))
    return times


def in_blocks(works: tuple[Work, Work], n: int, rng: random.Random) -> Times:
    """All calls of the first, then all of the second."""
    del rng
    ours = [seconds(works[0], n) for _ in range(PAIRS)]
    return list(zip(ours, [seconds(works[1], n) for _ in range(PAIRS)], strict=True))


def gate(times: Times, least: float = 0.0) -> bool:
    """The bet on log-ratios; the first 8 pairs set the scale and are dropped."""
    ys = [speed_pair(row).y for row in times]
    scale = robust_scale(ys[:SCALE_PAIRS], declared_range=1.0)
    rule = Rule(level=ALPHA, scale=scale, most_pairs=PAIRS, minimum=math.log1p(least))
    return judge(rule, [Pair(y) for y in ys[SCALE_PAIRS:]]).answer == "certified"


def gate_of_two_percent(times: Times) -> bool:
    """The same, against "not faster by 2%"."""
    return gate(times, LEAST)


def paired_t(times: Times) -> bool:
    """One-sided paired t-test of the logarithms at 5%."""
    ys = [math.log(a / b) for a, b in times]
    return statistics.fmean(ys) > QUANTILE * statistics.stdev(ys) / math.sqrt(PAIRS)


def welch(times: Times) -> bool:
    """One-sided Welch test of the seconds at 5%."""
    ours, theirs = zip(*times, strict=True)
    error = math.sqrt((statistics.variance(ours) + statistics.variance(theirs)) / PAIRS)
    return statistics.fmean(ours) - statistics.fmean(theirs) > QUANTILE * error


def medians(times: Times) -> bool:
    """The ratio of the two medians says more than 2% faster."""
    ours, theirs = zip(*times, strict=True)
    return statistics.median(ours) > (1 + LEAST) * statistics.median(theirs)


RANDOM, BLOCKS, COPIES = "random within each pair", "all A, then all B", "random within each pair, two copies"
ORDERS: dict[str, Callable[[tuple[Work, Work], int, random.Random], Times]] = {
    RANDOM: in_random_order,
    BLOCKS: in_blocks,
    COPIES: in_random_order,
}
RULES: list[tuple[str, str, Callable[[Times], bool]]] = [
    (RANDOM, "selfproof's bet, alpha .05", gate),
    (RANDOM, "paired t-test, p < .05", paired_t),
    (RANDOM, "ratio of medians, more than 2% faster", medians),
    (BLOCKS, "Welch, p < .05", welch),
    (BLOCKS, "paired t-test, p < .05", paired_t),
    (BLOCKS, "ratio of medians, more than 2% faster", medians),
    (COPIES, "selfproof's bet, alpha .05", gate),
    (COPIES, "selfproof's bet, alpha .05, least gain 2%", gate_of_two_percent),
]


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process and what it starts on one of its cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def neighbour(there: bool) -> Iterator[None]:
    """A process that is busy in bursts of 5 to 200 ms, half of the time."""
    if not there:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", NEIGHBOUR, "1"])
    try:
        time.sleep(0.5)
        yield
    finally:
        process.kill()
        process.wait()


def measure(experiments: int, seed: int = 1) -> dict[str, list[int]]:
    """For each condition, how many experiments each of ``RULES`` called faster."""
    rng = random.Random(seed)
    found: dict[str, list[int]] = {}
    with on_one_core():
        work, n = copy_of_the_work(), size()
        for condition in ("as the machine is", "with a noisy neighbour"):
            counts = [0] * len(RULES)
            with neighbour(condition != "as the machine is"):
                for _ in range(experiments):
                    copies = copy_of_the_work(), copy_of_the_work()
                    times = {
                        name: order(copies if name == COPIES else (work, work), n, rng)
                        for name, order in ORDERS.items()
                    }
                    for i, (order_name, _, rule) in enumerate(RULES):
                        counts[i] += rule(times[order_name])
            found[condition] = counts
    return found


def clopper_pearson(hits: int, tries: int) -> tuple[float, float]:
    """The exact 95% interval for a rate."""

    def tail(p: float, counts: Sequence[int]) -> float:
        return math.fsum(math.comb(tries, i) * p**i * (1 - p) ** (tries - i) for i in counts)

    def root(rises: Callable[[float], bool]) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if rises(middle) else (middle, high)
        return (low + high) / 2

    low = root(lambda p: tail(p, range(hits, tries + 1)) >= 0.025) if hits else 0.0
    high = root(lambda p: tail(p, range(hits + 1)) <= 0.025) if hits < tries else 1.0
    return low, high


def table(experiments: int = EXPERIMENTS) -> str:
    """Measure, and give the rates as Markdown."""
    return markdown(measure(experiments), experiments)


def markdown(found: dict[str, list[int]], experiments: int) -> str:
    """The rates with their intervals, one row for each order and rule."""
    lines = [
        f"{experiments} experiments for each column, {PAIRS} pairs each, of a function of {MILLISECONDS:g} ms against "
        f"itself; {os.cpu_count()} cores shared with others (load average {os.getloadavg()[0]:.1f} at the end), "
        f'Linux {platform.release()}, Python {platform.python_version()}. Rate of "faster" [95% interval]:',
        "",
        f"| order of the runs | rule | {' | '.join(found)} |",
        f"|---|---|{'--:|' * len(found)}",
    ]
    for i, (order, rule, _) in enumerate(RULES):
        cells = []
        for counts in found.values():
            low, high = clopper_pearson(counts[i], experiments)
            cells.append(f"{counts[i] / experiments:.3f} [{low:.3f}, {high:.3f}]")
        lines.append(f"| {' | '.join((order, rule, *cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS, help="for each condition")
    parser.add_argument("--seed", type=int, default=1, help="of the order within pairs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.experiments < 1:
        parser.error("--experiments must be at least 1")
    found = measure(options.experiments, options.seed)
    if options.json:
        rows = [{"order": order, "rule": rule, **{name: counts[i] for name, counts in found.items()}}
                for i, (order, rule, _) in enumerate(RULES)]  # fmt: skip
        print(json.dumps({"experiments": options.experiments, "faster": rows}))
    else:
        print(markdown(found, options.experiments))


if __name__ == "__main__":
    main()
