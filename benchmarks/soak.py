"""A long life, accelerated: what grows with the number of trials, and what must not.

    python benchmarks/soak.py --trials 100000 [--minutes 20] [--keep DIR] [--json FILE]

The cheapest real program (``overhead.py``: a model without latency, an evaluator of a millisecond, jailed, two
workers) runs until it has had so many trials or the minutes are over. Meanwhile the engine's own
memory, open files, threads, CPU and what lies on disk are read after every window of trials, and the wall clock of a
trial in it. Each is then fitted against the number of trials: the slope of the windows' values with a 95% interval
(least squares on at most 24 means of neighbouring windows, which are nearly independent; Student), the first tenth left
out, in which caches fill. *Flat* is what says so: the interval holds 0, or the drift over the whole run is below 5% of
the level. Bytes on disk grow with every trial, and must: of them it is fitted how many a trial takes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from overhead import Model, make, turns_here

WINDOWS = 200
GROUPS = 24
DRIFT = 0.05
T95 = {3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 8: 2.306, 10: 2.228, 14: 2.145, 18: 2.101, 22: 2.074}
MUST_BE_FLAT = ("wall_ms", "engine_cpu_ms", "engine_mb", "all_mb", "files", "threads", "children")


def proportional(pid: int) -> float:
    """Proportional set size of a process and all below it, in kB; what ends meanwhile counts nothing."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        below = "".join((task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return 0.0
    own = next(float(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return own + sum(proportional(int(child)) for child in below.split())


def read_of(pid: int) -> dict[str, float]:
    """What a process holds now: its own memory (resident, not shared), that of all below it, files and threads."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    below = {child for task in tasks for child in (task / "children").read_text().split()}
    files = list(Path(f"/proc/{pid}/fd").iterdir())
    return {"engine_mb": own / 1024, "all_mb": proportional(pid) / 1024, "files": len(files),
            "threads": len(tasks), "children": len(below)}  # fmt: skip


def size_of(folder: Path) -> dict[str, int]:
    """Blocks on disk below a private folder, by its parts, in bytes."""
    found: dict[str, int] = {}
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                taken = os.lstat(Path(where, name)).st_blocks * 512
            except OSError:
                continue
            inside = Path(where, name).relative_to(folder).parts
            part = "/".join(inside[:2]) if inside[0] == "ledger" else inside[0].split("-")[0]
            found[part] = found.get(part, 0) + taken
    return found


def one(folder: str, trials: int, minutes: float) -> None:
    """The run, in a process of its own: one JSON line a window."""
    from selfproof import session
    from selfproof.proposers import Asked

    place, window = Path(folder), max(1, trials // WINDOWS)
    done, began = 0, time.monotonic()
    last, at, cpu = 0, began, time.process_time()
    for event in session.run(place, minutes + 30, 7, Asked(more=(Model(),))):  # what is measured is not its end
        if event["event"] != "race":
            continue
        done = event["evaluated"]
        if done - last < window:
            continue
        now, used = time.monotonic(), time.process_time()
        row: dict[str, Any] = {"trials": done, "wall_ms": 1e3 * (now - at) / (done - last),
                               "engine_cpu_ms": 1e3 * (used - cpu) / (done - last), **read_of(os.getpid())}  # fmt: skip
        parts = size_of(place / ".selfproof")
        print(json.dumps({**row, "disk": sum(parts.values()), "parts": parts, "load": os.getloadavg()[0]}), flush=True)
        last, at, cpu = done, time.monotonic(), time.process_time()  # what was read just now is not counted
        if done >= trials or now - began > 60 * minutes:
            break
    os._exit(0)


def slope_of(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Slope of least squares and half of its 95% interval, over means of at most ``GROUPS`` neighbouring windows."""
    groups = min(GROUPS, len(xs) // 2)
    if groups < 5:
        return math.nan, math.inf
    edges = [round(i * len(xs) / groups) for i in range(groups + 1)]
    px = [statistics.fmean(xs[a:b]) for a, b in itertools.pairwise(edges)]
    py = [statistics.fmean(ys[a:b]) for a, b in itertools.pairwise(edges)]
    fit = statistics.linear_regression(px, py)
    rest = sum((y - fit.intercept - fit.slope * x) ** 2 for x, y in zip(px, py, strict=True))
    centre = statistics.fmean(px)
    spread = sum((x - centre) ** 2 for x in px)
    t = T95[max(df for df in T95 if df <= groups - 2)]
    return fit.slope, t * math.sqrt(rest / (groups - 2) / spread)


def verdict(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """Level, slope and whether a measure is flat."""
    tail = rows[len(rows) // 10 :]
    xs, ys = [float(row["trials"]) for row in tail], [float(row[name]) for row in tail]
    slope, half = slope_of(xs, ys)
    level, reach = statistics.median(ys), xs[-1] - xs[0]
    drift = slope * reach / level if level else 0.0
    worst = max(abs(slope - half), abs(slope + half)) * reach / level if level else 0.0
    flat = abs(slope) <= half or worst < DRIFT
    return {"level": level, "first": statistics.median(ys[: max(1, len(ys) // 10)]),
            "last": statistics.median(ys[-max(1, len(ys) // 10) :]), "slope": slope, "half": half,
            "drift": drift, "flat": flat}  # fmt: skip


def say(rows: Sequence[dict[str, Any]], echo: Callable[[str], object] = print) -> dict[str, Any]:
    """Print the fits; returns them."""
    first, last = rows[0], rows[-1]
    loads = [row["load"] for row in rows]
    echo(f"{last['trials']} trials in {len(rows)} windows; load {min(loads):.1f} to {max(loads):.1f}")
    echo(f"{'measure':<14} {'first tenth':>12} {'last tenth':>12} {'slope per 10^5 trials':>30} {'drift':>8}")
    found = {name: verdict(rows, name) for name in MUST_BE_FLAT}
    for name, one_ in found.items():
        slope = f"{1e5 * one_['slope']:+.4g} ± {1e5 * one_['half']:.2g}"
        told = "flat" if one_["flat"] else "NOT FLAT"
        echo(f"{name:<14} {one_['first']:>12.3f} {one_['last']:>12.3f} {slope:>30} {one_['drift']:>+8.1%} {told}")
    trials = last["trials"] - first["trials"]
    for part in sorted(last["parts"], key=lambda key: -last["parts"][key]):
        grown = (last["parts"][part] - first["parts"].get(part, 0)) / max(1, trials)
        if grown > 1 or last["parts"][part] > 1 << 16:
            echo(f"  on disk {part:<24} {last['parts'][part] / 1e6:>9.2f} MB  {grown:>8.1f} bytes a trial")
    found["disk"] = {"bytes_per_trial": (last["disk"] - first["disk"]) / max(1, trials)}
    return found


def main() -> int:
    """Run and print; exit code 1 if something that must be flat is not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000, help="from 1000 to 1000000")
    parser.add_argument("--minutes", type=float, default=20.0, help="of wall clock, at most")
    parser.add_argument("--keep", type=Path, help="a folder for the program, kept; one that is there goes on")
    parser.add_argument("--json", type=Path, help="a file for the windows and the fits")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.trials, options.minutes)
    with tempfile.TemporaryDirectory() as scratch:
        place = options.keep or Path(scratch) / "program"
        if not (place / "charter.toml").exists():
            make(place, turns_here())
        words = ["--one", str(place), "--trials", str(options.trials), "--minutes", str(options.minutes)]
        rows = []
        with subprocess.Popen([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            for line in run.stdout:  # as it comes: what was measured is there whatever happens to the run
                rows.append(json.loads(line))
                if options.json:
                    options.json.with_suffix(".jsonl").open("a").write(line)
    if run.returncode or len(rows) < 12:
        print(f"ended with {run.returncode} after {rows[-1]['trials'] if rows else 0} trials", file=sys.stderr)
    if len(rows) < 12:
        return 1
    found = say(rows)
    if options.json:
        options.json.write_text(json.dumps({"fits": found, "windows": rows}) + "\n")
    return 0 if all(found[name]["flat"] for name in MUST_BE_FLAT) else 1


if __name__ == "__main__":
    sys.exit(main())
