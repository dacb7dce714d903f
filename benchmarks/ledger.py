"""What the ledger costs: ``python benchmarks/ledger.py [--at DIR] [--entries 100000]``.

On the disk under DIR (default: this folder), in one run: one append with fsync of the bare file beside durable appends,
single and grouped by 100; then opening and checking a small ledger, the start of the signer, and checking a ledger of
many entries that refer to blobs, with the memory it takes. Timings are medians over seven rounds, but for the last,
which is one. Entries have 400 bytes or so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from selfproof.ledger import Ledger, check
from selfproof.ledger.signing import Signing

ROUNDS = 7
BODY = {"objective": "memory", "batch": 12, "note": "x" * 150}
CHECKING = """
import resource, sys, time
from pathlib import Path
from selfproof.ledger import check
start = time.perf_counter()
found = check(Path(sys.argv[1]))
seconds, memory = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
assert found.ok
print(f"{found.entries} entries {seconds:.1f} s, {memory:.0f} MB")
"""  # a process of its own, so that the memory is that of checking


def timed(what: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def rate(count: int, what: Callable[[int], object]) -> float:
    """Calls per second, the median over rounds of this many."""
    return count / statistics.median(timed(lambda: [what(n) for n in range(count)]) for _ in range(ROUNDS))


def bare(file: int) -> Callable[[int], object]:
    """An append of as many bytes, with nothing but an fsync after it."""

    def one(_: int) -> None:
        os.write(file, bytes(400))
        os.fsync(file)

    return one


def small(folder: Path, key: Path) -> None:
    """How long it takes to open, and to check, a ledger of some hundred entries."""

    def once() -> None:
        Ledger.open(folder, key).close()

    opened = statistics.median(timed(once) for _ in range(ROUNDS))
    starting = statistics.median(timed(lambda: Signing(key, "selfproof.local/bench").close()) for _ in range(ROUNDS))
    checked = statistics.median(timed(lambda: check(folder)) for _ in range(ROUNDS))
    print(f"{check(folder).entries} entries: opening for writing {1e3 * opened:.0f} ms", end=" ")
    print(f"(the signer's start {1e3 * starting:.0f} ms), checking {1e3 * checked:.0f} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", type=Path, default=Path())
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.at) as name:
        folder, key = Path(name) / "ledger", Path(name) / "key"
        with (Path(name) / "bare").open("wb") as file:
            alone = rate(30, bare(file.fileno()))
        print(f"fsync alone {alone:.0f}/s")
        with Ledger.create(folder, key, program_id="bench", genesis={}) as ledger:
            print(f"signer: {ledger.signer}")
            single = rate(30, lambda _: ledger.append("results", BODY, durable=True))
            print(f"durable single appends {single:.0f}/s, {alone / single:.1f} fsyncs each")
        small(folder, key)
        with Ledger.open(folder, key) as ledger:
            grouped = rate(1000, lambda n: ledger.append("results", BODY, durable=n % 100 == 99))
            print(f"appends grouped by 100 {grouped:.0f}/s, {alone / grouped * 100:.1f} fsyncs a group")
            blobs = [ledger.put_blob(str(number).encode()) for number in range(100)]
            for number in range(ledger.size, options.entries):
                ledger.append("results", {**BODY, "pairs": {"$blob": blobs[number % 100]}})
        done = subprocess.run([sys.executable, "-c", CHECKING, folder], capture_output=True, text=True, check=True)
        print(f"checking {done.stdout.strip()}")


if __name__ == "__main__":
    main()
