"""What an archive costs the engine: SQLite in the folder, PostgreSQL on a socket and over TCP, in one run.

``nice python benchmarks/archives.py [--candidates 100000] [--batches 40]``. A server of its own is started
(tests/postgres_server.py; PostgreSQL must be installed). It syncs nothing to disk, so that a disk's speed is not
measured; ``--sync`` lets it. First each archive is refilled from the same ledger entries: candidates a second. Then
batches of 96 candidates are taken in by turns, one archive after the other, each with what a batch asks of an archive:
the history, its proposal, its race, eight entries that no row comes from; on PostgreSQL also the claim of the batch's
forms and, every fourth batch, what siblings offer. Prints wall and CPU milliseconds of the engine's process per batch
and per candidate, after 1,000 candidates and after all, as medians and ratios to SQLite, and what a start asks once
(forms, the best 60, counts).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from postgres_server import server  # noqa: E402
from selfproof import charter  # noqa: E402
from selfproof.archive.kin import kins_of  # noqa: E402
from selfproof.archive.postgres import PostgresArchive  # noqa: E402
from selfproof.archive.protocol import Archive  # noqa: E402
from selfproof.archive.store import SqliteArchive  # noqa: E402
from selfproof.testing.archives import CHARTER, Entry, History  # noqa: E402

BATCH = 96
TEXT = "def predict(view):\n" + "".join(f"    v{n} = view[{n}] * 0.5 + v{max(0, n - 1)}\n" for n in range(40))


class Grown(History):
    """A ledger whose batches are of a real one's size: 96 candidates, texts of 1.5 kB, eight scores each."""

    def grow(self) -> list[Entry]:
        """One more batch: its proposal, its race, and entries of other kinds."""
        number = sum(entry.kind == "propose" for entry in self.entries[-40:]) and self.batch_number + 1
        self.batch_number = number
        ids = [f"{number:08x}{i:02x}".rjust(64, "0") for i in range(BATCH)]
        rows = [
            {"id": one, "parent": ids[0], "title": f"blend {i}", "operator": "blend", "proposer": "improver",
             "version": 0, "files": {"memory.py": f"# {one}\n{TEXT}"}, "form": one[-16:] + "f"}
            for i, one in enumerate(ids)
        ]  # fmt: skip
        results = [
            {"id": one, "outcome": "raced" if i % 12 == 0 else "worse", "score": 2.0 + (hash(one) % 10_000) / 1e4,
             "scores": [2.0 + j / 7 for j in range(8)]}
            for i, one in enumerate(ids)
        ]  # fmt: skip
        first = len(self.entries)
        self.add("propose", objective="memory", batch=number, n=BATCH, candidates=self.put(json.dumps(rows).encode()))
        self.add("race", objective="memory", batch=number, trials=500, results=self.put(json.dumps(results).encode()))
        for _ in range(8):
            self.add("results")
        return self.entries[first:]

    batch_number = -1


def timed(what: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU milliseconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    what()
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def kin_of(history: History) -> str:
    """The search that both PostgreSQL archives have in common: each offers the other what it has already, the worst."""
    genesis = history.entries[0].body
    return kins_of(charter.parse(CHARTER), genesis["tasks"], genesis["tree"])["memory"]


def a_batch(archive: Archive, entries: list[Entry], number: int, kin: str) -> None:
    archive.history("memory", 150)
    if archive.shared is not None:
        archive.shared.claim(kin, [f"{number}-{i}" for i in range(BATCH)], 600)
        if number % 4 == 3:
            archive.shared.siblings(kin, 64, highest=False)
    for entry in entries:
        archive.apply(entry)


def a_start(archive: Archive) -> None:
    archive.forms("memory")
    archive.best("memory", 60, highest=False)
    archive.counts()


def measured(archives: dict[str, Archive], history: Grown, batches: int) -> dict[str, dict[str, float]]:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in archives}
    kin = kin_of(history)
    for _ in range(batches):
        entries = history.grow()
        for name, archive in archives.items():
            found[name].append(timed(lambda a=archive, e=entries: a_batch(a, e, history.batch_number, kin)))
    told = {}
    for name, rows in found.items():
        wall, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
        told[name] = {"wall_ms": wall, "cpu_ms": cpu, "cpu_ms_per_candidate": cpu / BATCH}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--sync", action="store_true", help="let the server sync to disk")
    asked = parser.parse_args()
    history = Grown(0)
    with tempfile.TemporaryDirectory() as folder, server(sync=asked.sync) as made:
        archives: dict[str, Archive] = {
            "sqlite": SqliteArchive(Path(folder) / "archive.db", history.get_blob),
            "postgres socket": PostgresArchive(made.socket_url, "a" * 32, "socket", history.get_blob),
            "postgres tcp": PostgresArchive(made.url, "b" * 32, "tcp", history.get_blob),
        }
        told: dict[str, Any] = {"load": os.getloadavg(), "processors": os.cpu_count(), "batch": BATCH}
        for size in (1_000, asked.candidates):
            have = BATCH * (history.batch_number + 1)
            first = len(history.entries) if have else 0
            for _ in range(max(0, (size - have) // BATCH)):
                history.grow()
            new, many = history.entries[first:], max(0, (size - have) // BATCH) * BATCH
            row = {name: timed(lambda a=archive, n=new: a.refill(n)) for name, archive in archives.items()}
            told[f"refill at {size}"] = {
                name: {"rows_per_s": many / wall * 1e3, "cpu_ms_per_row": cpu / max(1, many)}
                for name, (wall, cpu) in row.items()
            }
            told[f"batch at {size}"] = measured(archives, history, asked.batches)
            told[f"start at {size}"] = {name: timed(lambda a=archive: a_start(a)) for name, archive in archives.items()}
        for archive in archives.values():
            archive.close()
    for what, found in told.items():
        print(what, found if not isinstance(found, dict) else "")
        for name, numbers in found.items() if isinstance(found, dict) else ():
            base = found["sqlite"]
            shown = numbers if isinstance(numbers, dict) else {"wall_ms": numbers[0], "cpu_ms": numbers[1]}
            against = base if isinstance(base, dict) else {"wall_ms": base[0], "cpu_ms": base[1]}
            words = [
                f"{key} {value:,.4g} ({value / against[key]:.2f}x)" for key, value in shown.items() if against[key]
            ]
            print(f"  {name:16}", "  ".join(words))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
