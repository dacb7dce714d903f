"""Many trials in one pool, one in twenty hostile: no wrong answer, nothing that grows, nothing that is left behind.

``-m slow -s`` runs 10,000 in each tier and prints what it saw.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_jail_lifetime import all_gone, descendants

from conftest import TIERS, need
from selfproof.jail import Job, Limits, Outcome, Pool, values

HONEST = "def f(x): return sorted(x * i * 7919 % 10007 for i in range(200))[:3]"
PATIENT = Limits(wall_s=60.0, cpu_s=60)
IMPATIENT = Limits(wall_s=0.4, cpu_s=2, memory_mb=512)
BATCH = 200
GROWTH_MB = 50

# What it does, and the statuses that are right for that; time may run out first for what takes long on a busy machine.
HOSTILE: dict[str, tuple[str, set[str]]] = {
    "hang": ("while True: pass", {"timeout"}),
    "sleep": ("time.sleep(60)", {"timeout"}),
    "memory bomb": ("x = [b'x' * (1 << 26) for _ in range(64)]", {"oom", "timeout"}),
    "crash": ("ctypes.string_at(8)", {"crashed"}),
    "flood of text": ("while True: os.write(1, b'x' * 65536)", {"timeout"}),
    "flood of output": ("while True: os.write(4, bytes(65536))", {"protocol_error"}),
    "thread bomb": ("while True: threading.Thread(target=time.sleep, args=(60,)).start()", {"error", "oom", "timeout"}),
    "descriptor bomb": ("while True: os.dup(0)", {"error"}),
    "forged frames": (
        "os.write(4, b'\\x02\\0\\0\\0\\x12\\xc0' * 3)\n    time.sleep(60)",
        {"protocol_error", "invalid_output"},
    ),
    "forged length": ("os.write(4, b'\\xff\\xff\\xff\\xff\\x12')\n    time.sleep(60)", {"protocol_error"}),
    "exit": ("os._exit(0)", {"crashed"}),
    "half an answer": ("os.write(4, b'\\x09\\0\\0\\0\\x12')\n    os._exit(0)", {"crashed"}),
    "closed pipe": ("os.close(4)\n    time.sleep(60)", {"protocol_error"}),
    "exception": ("raise ValueError(x)", {"error"}),
    "odd answer": ("return object()", {"invalid_output"}),
}


def trial(number: int, rng: random.Random, attacks: Iterator[str], screening: float) -> tuple[Job, str | None]:
    """The job of one number, and which attack it is, if it is one."""
    which = next(attacks) if rng.random() < 0.05 else None
    body = f"import ctypes, os, threading, time\ndef f(x):\n    {HOSTILE[which][0]}" if which else HONEST
    inputs = [values.encode(number), values.encode(number + 1)]
    limits = IMPATIENT if which else PATIENT
    return Job({"m.py": body}, "m.py:f", inputs, limits=limits, screening=rng.random() < screening), which


def check(number: int, which: str | None, outcome: Outcome) -> None:
    if which:
        assert outcome.status in HOSTILE[which][1], (which, outcome)
        return
    right = [sorted(x * i * 7919 % 10007 for i in range(200))[:3] for x in (number, number + 1)]
    assert outcome.status == "ok" and [values.decode(o) for o in outcome.outputs] == right, (number, outcome)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def mounts() -> int:
    return len(Path("/proc/self/mountinfo").read_text().splitlines())


def cgroups() -> set[str]:
    root = Path("/sys/fs/cgroup")
    ours = root.rglob(f"*selfproof-{os.getpid()}*") if root.is_dir() else ()  # other engines have theirs
    return {str(folder) for folder in ours}


def endure(tier: str, trials: int, screening: float) -> None:
    need(tier)
    rng, attacks = random.Random(trials), itertools.cycle(HOSTILE)
    outside = descendants(os.getpid()), open_descriptors(), mounts(), cgroups()
    began, hostile, warm_mb, most, early = time.perf_counter(), 0, 0.0, 0.0, set[int]()
    with Pool(2, require=tier) as pool:
        for first in range(0, trials, BATCH):
            chosen = [trial(number, rng, attacks, screening) for number in range(first, first + BATCH)]
            outcomes = pool.map([job for job, _ in chosen])
            for number, ((_, which), outcome) in enumerate(zip(chosen, outcomes, strict=True), first):
                check(number, which, outcome)
                hostile += which is not None
            most = max(most, resident_mb())
            if first == 0 or first == trials // 10 // BATCH * BATCH:
                warm_mb = resident_mb()
            early = early or descendants(os.getpid()) - outside[0]
            assert open_descriptors() < outside[1] + 40
            assert len(descendants(os.getpid()) - outside[0]) <= 6  # two workers, each with what it is made of
        late = descendants(os.getpid()) - outside[0]
    took = time.perf_counter() - began
    print(
        f"\n{tier}, {screening:.0%} screening: {trials} trials, {hostile} hostile, {took:.0f} s,"
        f" engine {warm_mb:.1f} MiB after warm-up, {most:.1f} MiB at most"
    )
    assert all_gone(early | late, 2.0)
    assert most - warm_mb < GROWTH_MB, (warm_mb, most)
    assert open_descriptors() == outside[1] and mounts() == outside[2] and not cgroups() - outside[3]
    assert hostile >= len(HOSTILE)


@pytest.mark.parametrize("tier", TIERS)
def test_a_few_hundred_trials_with_attacks_among_them(tier: str) -> None:
    endure(tier, 400, screening=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("screening", [0.0, 0.5])
@pytest.mark.parametrize("tier", TIERS)
def test_ten_thousand_trials_with_attacks_among_them(tier: str, screening: float) -> None:
    endure(tier, 10_000, screening=screening)
