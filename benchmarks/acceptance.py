"""The main promises of the apprentice, measured on this machine: ``python benchmarks/acceptance.py [--minutes 2]``.

Makes a new apprentice in a temporary folder, runs it as a newcomer would, and prints one line for each promise: PASS
or FAIL, the figure and the bound. Exits with 1 if any of them fails. Bounds are those of the project's issue; timings
hold on two free cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

EXPECTED = {"fake_gain": "refused", "planted_gain": "certified", "aa": "refused"}
FIRST_ADOPTION_S = 15.0
MOST_OF_BEST_HUMAN = 1.02
LEAST_START = 2.0
OVERTIME = 1.15
LEAST_FUNCTIONS, FROM_MINUTES = 3, 2.0


def live(folder: Path, minutes: float, seed: int) -> tuple[int, list[tuple[float, dict[str, Any]]]]:
    """Run a new program; its exit code and its events with the seconds since the start."""
    words = ["run", "--minutes", str(minutes), "--seed", str(seed), "--json", "--at", str(folder)]
    began = time.monotonic()
    events = []
    with subprocess.Popen([sys.executable, "-m", "selfproof", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            events.append((time.monotonic() - began, json.loads(line)))
    return process.returncode, events


def promises(code: int, events: list[tuple[float, dict[str, Any]]], minutes: float) -> list[tuple[bool, str]]:
    """(kept, sentence with figures) for each promise."""
    seconds, summary = events[-1]
    if code != 0 or summary["event"] != "summary":
        return [(False, f"the run ends in order: exit code {code}, last event {summary['event']}")]
    row = next(r for r in summary["objectives"] if r["name"] == "memory")
    best, (low, high) = row["best_human"], row["best_human"]["ratio_interval"]
    adopted = [s for s, e in events if e["event"] == "decision" and e["verdict"] == "adopted"]
    first = adopted[0] if adopted else float("inf")
    half = 0.5 * row["gain"]["value"]
    carried = [(t["corpus"], *t["gain"]["interval"]) for t in row["transfer"]]
    poor = [corpus for corpus, least, _ in carried if least < half]
    faster = [
        f"{f['function']} {f['ratio']:.2f}x [{f['interval'][0]:.2f}, {f['interval'][1]:.2f}]"
        for r in summary["objectives"]
        for f in r.get("functions", [])
    ]
    ledger, controls = summary["ledger"], summary["controls"]
    return [
        (seconds <= 60 * minutes * OVERTIME, f"the run keeps its time: {seconds:.0f} s of {60 * minutes:.0f} s"),
        (ledger["verified"], f"the ledger verifies: {ledger['entries']} entries, root {ledger['root'][:16]}"),
        (controls == EXPECTED, f"the controls come out as they must: {controls}"),
        (first <= FIRST_ADOPTION_S, f"first certified adoption after {first:.1f} s, at most {FIRST_ADOPTION_S:.0f}"),
        (
            row["start"] >= LEAST_START * best["value"],
            f"the start is {row['start'] / best['value']:.2f} times the best human rule, at least {LEAST_START:g}",
        ),
        (
            high <= MOST_OF_BEST_HUMAN,
            f"now is {best['ratio']:.4f} [{low:.4f}, {high:.4f}] times {best['name']} ({best['value']:.4f}), "
            f"upper end at most {MOST_OF_BEST_HUMAN}",
        ),
        (
            not poor or all(corpus in row["transfers"] for corpus in poor),
            f"transfer: gains {[(c, round(a, 3), round(b, 3)) for c, a, b in carried]}, half the main gain is "
            f"{half:.3f}; the table says: {row['transfers']}",
        ),
        (
            len(faster) >= LEAST_FUNCTIONS or minutes < FROM_MINUTES,
            f"{len(faster)} functions certified faster, at least {LEAST_FUNCTIONS} from {FROM_MINUTES:g} minutes on: "
            + (", ".join(faster) or "none"),
        ),
    ]


def main() -> int:
    """Run, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        code, events = live(Path(scratch) / "life", options.minutes, options.seed)
    if not events:
        print(f"FAIL  the run says nothing: exit code {code}")
        return 1
    kept = promises(code, events, options.minutes)
    for good, sentence in kept:
        print(f"{'PASS' if good else 'FAIL'}  {sentence}")
    return 0 if all(good for good, _ in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
