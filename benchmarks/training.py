"""What a search finds for the training of a small model: ``python benchmarks/training.py --seed 1``.

One search for each call, from naive SGD or (``--start adam``) from tuned Adam, in the real jail, without certificates:
races alone, until it has used ``--cpu`` seconds of processor time (engine and jail together). ``--constants`` is the
control that may change constants and choices only, everything else being equal. ``--life MINUTES`` is a whole life
instead, with its certificates. What was found is then trained on fresh runs and scored on text of the report split,
beside the start and people's tuned rules; with ``--transfer`` also on other text and with a wider model. A row is
appended to ``--rows FILE``; all rows of the file are summed up: medians over seeds. ``--tune`` draws people's constants
anew (``people.py`` holds them).
"""

# ruff: noqa: E402  threads are counted where NumPy is loaded

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from selfproof import birth, loop
from selfproof import life as lives
from selfproof.certify.effect import mean_interval
from selfproof.domains import paired
from selfproof.domains.slow import Slow
from selfproof.nouns import Candidate
from selfproof.templates.training.tasks import people
from selfproof.templates.training.tasks.training import Session, Source, Training, Wide
from selfproof.trial import blocks

TEMPLATES = {"naive": "training", "adam": "training-adam"}
REPORT = 24
TRANSFER = 8
TUNED_ON = 1


def searched(folder: Path, seed: int, cpu: float, constants: bool) -> dict[str, Any]:
    """A search without certificates: its best version's file, and how it came there."""
    with lives.opened(folder, seed=seed) as life:
        operators = ["constant"] if constants else None
        (objective,) = life.charter.objectives
        domain, began = Slow(life, objective, operators=operators), time.process_time()
        curve: list[list[float]] = []
        while (used := time.process_time() - began + life.cpu_seconds) < cpu:
            focus = domain.observe()
            assert focus is not None
            candidates, _ = loop.admitted(life, objective, domain.propose(focus), domain.files_of)
            for _ in domain.race(candidates):
                pass
            curve.append([round(used, 1), domain.evaluated, round(domain.population.best.score, 4)])
        best = domain.population.best
        life.stop_pool()
        return {"rule": best.source, "candidates": domain.evaluated, "runs": life.trials, "curve": curve,
                "cpu": time.process_time() - began + life.cpu_seconds}  # fmt: skip


def lived(folder: Path, seed: int, minutes: float) -> dict[str, Any]:
    """A whole life: the file as it is at the end, and what was certified."""
    words = [sys.executable, "-m", "selfproof", "run", "--at", str(folder), "--minutes", str(minutes)]
    began = os.times()
    done = subprocess.run([*words, "--seed", str(seed), "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    ended = os.times()
    cpu = ended.children_user + ended.children_system - began.children_user - began.children_system
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    told = summary["objectives"][0]
    return {"rule": (folder / "program" / "rule.py").read_text(), "candidates": told["evaluations"],
            "certified": summary["certified"], "refused": summary["refused"], "controls": summary["controls"],
            "constants_only": told["constants_only"], "seconds": summary["seconds"],
            "cpu": cpu}  # fmt: skip


def measured(folder: Path, rule: str, task: Training, n: int) -> dict[str, list[float]]:
    """Bits per character on ``n`` fresh runs of the report split, the same ones for each: start, now, people."""
    with lives.viewed(folder) as life:
        (objective,) = life.charter.objectives
        start = life.version(objective, 0)
        now = Candidate("now", objective.name, {**start.files, "rule.py": rule})
        fresh = task.samples("report", 20_000, n)
        rows = paired.on_blocks(life, (start, now), task, blocks.prepare(fresh)).rows
        found = {"start": [row[0] for row in rows], "now": [row[1] for row in rows]}
        for name, known in people.TUNED.items():
            found[name] = [people.trained(known, Session(task, sample.hidden)) for sample in fresh]
        return found


def row_of(given: argparse.Namespace) -> dict[str, Any]:
    """One search or life, and what it is worth."""
    with tempfile.TemporaryDirectory(prefix="selfproof-training-") as scratch:
        folder = Path(scratch) / "life"
        birth.make(folder, TEMPLATES[given.start], given.seed)
        load = os.getloadavg()
        if given.life:
            found = lived(folder, given.seed, given.life)
        else:
            found = searched(folder, given.seed, given.cpu, given.constants)
        kind = "life" if given.life else "constants" if given.constants else "search"
        row = {"start": given.start, "kind": kind, "seed": given.seed, **found, "load": [round(load[0], 1)]}
        row["load"].append(round(os.getloadavg()[0], 1))
        row["report"] = measured(folder, found["rule"], Training(), REPORT)
        if given.transfer:
            row["source"] = measured(folder, found["rule"], Source(), TRANSFER)
            row["wide"] = measured(folder, found["rule"], Wide(), TRANSFER)
        return row


def told(row: dict[str, Any], part: str = "report") -> str:
    """A row's line: means, and the paired difference to tuned Adam with its 95% interval over runs."""
    values = row[part]
    behind = mean_interval([a - b for a, b in zip(values["now"], values["Adam"], strict=True)])
    adam = statistics.fmean(values["Adam"])
    words = " ".join(f"{name} {statistics.fmean(some):.3f}" for name, some in values.items())
    return (f"{row['start']} {row['kind']} seed {row['seed']} {part}: {words}; to tuned Adam {behind.value:+.3f} "
            f"[{behind.low:+.3f}, {behind.high:+.3f}] ({behind.value / adam:+.1%}); {row['candidates']} candidates, "
            f"{row['cpu']:.0f} s CPU, load {row['load']}")  # fmt: skip


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A line for each row, and for each kind the median distance to tuned Adam; from six seeds on with its interval."""
    key = lambda row: (row["start"], row["kind"])  # noqa: E731
    for (start, kind), some in itertools.groupby(sorted(rows, key=key), key):
        distances = []
        for row in some:
            yield told(row)
            yield from (f"  {told(row, part)}" for part in ("source", "wide") if part in row)
            adam = statistics.fmean(row["report"]["Adam"])
            distances.append(statistics.fmean(row["report"]["now"]) / adam - 1.0)
        n = len(distances)
        line = f"{start} {kind}: {n} seeds, median {statistics.median(distances):+.2%} to tuned Adam"
        low, high = sorted(distances)[0], sorted(distances)[-1]
        sure = 1.0 - 2.0 ** (1 - n)
        yield f"{line}, from {low:+.2%} to {high:+.2%}, which holds the true median with {sure:.1%}"


def tune(tries: int, seed: int) -> None:
    """Print people's rules with new constants."""
    task = Training()
    samples = task.samples("explore", seed, TUNED_ON)
    for name, adaptive in (("SGD with momentum", False), ("Adam", True)):
        runs = [lambda hidden=sample.hidden: Session(task, hidden) for sample in samples]
        best, least = people.tuned(adaptive, runs, tries, seed)
        print(f"{name}: {least:.4f} on its own runs: { {k: float(f'{v:.3g}') for k, v in best.items()} }")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", choices=TEMPLATES, default="naive")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", type=float, default=100.0, help="seconds of processor time of a search")
    parser.add_argument("--constants", action="store_true", help="the control: constants and choices only")
    parser.add_argument("--life", type=float, default=0.0, metavar="MINUTES", help="a whole life with certificates")
    parser.add_argument("--transfer", action="store_true")
    parser.add_argument("--rows", type=Path, default=Path("training.jsonl"))
    parser.add_argument("--table", action="store_true", help="only sum up what the rows say")
    parser.add_argument("--tune", type=int, default=0, metavar="TRIES", help="tune people's rules, nothing else")
    given = parser.parse_args()
    if given.tune:
        tune(given.tune, given.seed)
        return
    if not given.table:
        row = row_of(given)
        with given.rows.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row["rule"], *row.get("curve", []), sep="\n")
    print(*table([json.loads(line) for line in given.rows.read_text().splitlines()]), sep="\n")


if __name__ == "__main__":
    main()
