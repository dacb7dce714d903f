"""What the loop itself costs: a model without latency, an evaluator of 1.3 ms, jailed, two workers.

``python benchmarks/overhead.py [--iterations 10000]``. One iteration is one suggestion of the model, screened, run and
scored in the jail, and recorded in the ledger. Prints wall and CPU milliseconds per iteration by window, the time to
the first evaluation, bytes on disk per iteration and the memory (PSS) of the engine with its workers; then whether two
seeded runs tried the same candidates with the same scores. ``--beside PYTHON`` names an interpreter that has OpenEvolve
and GEPA (``pip install openevolve gepa`` in an environment of its own): the same program, evaluator and kind of model
with them, in the same run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WINDOWS = ((0, 100), (100, 1000), (1000, 2000), (2000, 5000), (5000, 10000))

PROGRAM = '''"""A point in the plane, looked for by hand: the program that is to be improved."""


def search(turns):
    # EVOLVE-BLOCK-START
    x, y = 0.85, -1.35
    scale = 0.75
    # EVOLVE-BLOCK-END
    total = 0.0
    for turn in range(turns):
        total += ((x - 0.3) ** 2 + (y + 0.7) ** 2) * scale
    return 1.0 + total / turns + abs(scale)
'''

TASK = '''"""One evaluation that is the same every time; 1.3 ms of work."""

from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Sample


class Point(FiniteTask):
    metric, better, whole = "loss", "lower", True

    def items(self):
        return [Sample(TURNS)]

    def draws(self, sample, answer):
        return [float(answer)]
'''

CHARTER = """[program]
editable = ["search.py"]
tree_growth = 10.0

[[objective]]
name = "point"
task = "tasks/point.py:Point"
entry = "search.py:search"
files = ["*"]
metric = "loss"
better = "lower"
kind = "quality"

[proposers]
improver = ""

[budget]
minutes = 60.0
"""


class Model:
    """A model without latency: one constant scaled, by a factor that follows from the program and the question."""

    name = "scripted"

    def propose(self, brief: Any) -> Iterator[Any]:
        """One suggestion."""
        from selfproof.propose.brief import Suggestion

        text = brief.files["search.py"]
        draw = hashlib.sha256(f"{brief.number}|{text}".encode()).digest()
        places = [m for m in re.finditer(r"\d+\.\d+", text) if m.start() < text.index("EVOLVE-BLOCK-END")]
        place = places[draw[0] % len(places)]
        factor = 1.0 + (int.from_bytes(draw[1:4], "big") / 2**24 - 0.5) * 0.2
        value = f"{float(place[0]) * factor:.6f}"
        changed = text[: place.start()] + value + text[place.end() :]
        yield Suggestion({"search.py": changed}, f"{place[0]} -> {value}", "model")

    def close(self) -> None:
        """Nothing to let go."""


def turns_here() -> int:
    """As many turns of the program as take 1.3 ms here."""
    space: dict[str, Any] = {}
    exec(PROGRAM, space)
    took = min(_timed(space["search"], 1000) for _ in range(20))
    return max(1, round(1000 * 0.0013 / took))


def make(folder: Path, turns: int) -> None:
    """The living program of this benchmark."""
    for path, text in {
        "charter.toml": CHARTER,
        "tasks/point.py": TASK.replace("TURNS", str(turns)),
        "program/search.py": PROGRAM,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def _timed(function: Any, turns: int) -> float:
    began = time.perf_counter()
    function(turns)
    return time.perf_counter() - began


def pss(pid: int) -> int:
    """Proportional set size of a process and all below it, in bytes."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+)", rollup, re.M)
    below = Path(f"/proc/{pid}/task").glob("*/children")
    children = {int(child) for one in below for child in one.read_text().split()}
    return (1024 * int(found[1]) if found else 0) + sum(map(pss, children))


def one(folder: str, iterations: int) -> None:
    """A run in a process of its own: prints one JSON line per window and a last one."""
    began = time.monotonic()
    from selfproof import session
    from selfproof.proposers import Asked

    place = Path(folder)
    first, marks, tried, cpu = None, [], 0, []
    for event in session.run(place, 55.0, 7, Asked(more=(Model(),))):
        if event["event"] == "race":
            first = first or time.monotonic() - began
            tried = event["evaluated"]
            marks.append((tried, time.monotonic()))
            times = os.times()
            cpu.append((tried, times.user + times.system + times.children_user + times.children_system))
            if tried >= iterations:
                break
    size = sum(p.stat().st_blocks * 512 for p in (place / ".selfproof").rglob("*") if p.is_file())
    apparent = sum(p.stat().st_size for p in (place / ".selfproof").rglob("*") if p.is_file())
    rows = []
    for low, high in WINDOWS:
        inside = [m for m in marks if low <= m[0] <= high]
        if len(inside) > 2:
            rows.append([low, high, 1e3 * (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])])
    print(json.dumps({"windows": rows, "first": first, "iterations": tried, "disk": size / tried,
                      "apparent": apparent / tried, "pss": pss(os.getpid())}), flush=True)  # fmt: skip
    os._exit(0)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--beside", metavar="PYTHON", help="an interpreter that has openevolve and gepa")
    parser.add_argument("--beside-iterations", type=int, default=1200)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.iterations)
    digests, turns = [], turns_here()
    for number in range(2):
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), turns)
            command = [sys.executable, __file__, "--one", name, "--iterations", str(options.iterations)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
                return 1
            row = json.loads(done.stdout.splitlines()[-1])
            print(f"run {number + 1}: {row['iterations']} iterations, first evaluation after {row['first']:.2f} s, "
                  f"{row['disk'] / 1024:.2f} kB of disk an iteration ({row['apparent'] / 1024:.2f} kB of bytes), "
                  f"PSS {row['pss'] / 2**20:.0f} MB")  # fmt: skip
            for low, high, ms in row["windows"]:
                print(f"  iterations {low:>5} to {high:>5}: {ms:6.2f} ms each")
            digests.append(tried_in(Path(name), options.iterations))
    print(f"two seeded runs tried the same candidates with the same scores: {digests[0] == digests[1]}")
    for engine in ("openevolve", "gepa") if options.beside else ():
        print(f"{engine}, not isolated: {beside(engine, options.beside, turns, options.beside_iterations)}", flush=True)
    return 0


def beside(engine: str, python: str, turns: int, iterations: int) -> str:
    """Milliseconds of another engine's iterations, by window."""
    with tempfile.TemporaryDirectory() as name:
        Path(name, "given.py").write_text(PROGRAM)
        command = [python, str(Path(__file__).with_name("overhead_beside.py")), engine, name, str(iterations)]
        env = {**os.environ, "TURNS": str(turns)}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        return f"failed: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
    marks = json.loads(done.stdout.splitlines()[-1])
    parts = []
    for low in (0, *(start for start in (400, 1000) if start + 100 < len(marks))):
        high = min(low + 100, len(marks) - 1)
        parts.append(f"{low} to {high} {1e3 * (marks[high] - marks[low]) / (high - low):.1f} ms")
    return ", ".join(parts)


def tried_in(folder: Path, iterations: int) -> str:
    """A hash of what was tried and what came of it, in order."""
    import sqlite3

    rows = sqlite3.connect(folder / ".selfproof" / "archive.db").execute(
        "SELECT id, outcome, scores FROM candidate ORDER BY rowid LIMIT ?", (iterations,)
    )
    return hashlib.sha256(json.dumps(rows.fetchall()).encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
