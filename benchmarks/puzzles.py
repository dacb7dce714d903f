"""What a search without any model finds in the puzzles: ``python benchmarks/puzzles.py --objective game24 --seed 1``.

One life for each call, of one objective, in the real jail (``--minutes`` of search and its closing table); its row is
appended to ``--rows FILE``, and all rows of the file are summed up: n is the number of search seeds. Everything is
measured on the report split, which neither the search nor the tuning of people's rules sees. Game of 24: all of its
report hands, once each, as the share that is solved within 25 expansions; the interval of one life is over hands.
Dispatching: 40 blocks of fresh instances, the weighted tardiness as a share of first in, first out's. ``--ahead``
measures what the search is not meant to find: a score, written by hand, that solves the hand by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from selfproof import birth, life
from selfproof.certify.effect import mean_interval
from selfproof.domains import paired
from selfproof.templates.puzzles.tasks import players
from selfproof.trial import blocks

FOCUS = {"game24": ("policy.py", "score"), "dispatch": ("dispatch.py", "priority")}
AHEAD = """

def _two(a, b):
    with np.errstate(all="ignore"):
        return [a + b, np.abs(a - b), a * b, a / b, b / a]


def score(a, b, c, n, t, near, whole, divides):
    def hits(x, y):
        return np.any([np.abs(r - t) < 1e-9 for r in _two(x, y)], axis=0)
    three = [hits(r, z) for x, y, z in ((a, b, c), (a, c, b), (b, c, a)) for r in _two(x, y)]
    return np.where(n > 2, np.any(three, axis=0), hits(a, b)) * 1.0
"""


def made(folder: Path, name: str, seed: int) -> None:
    """The template with one of its objectives."""
    with resources.as_file(resources.files("selfproof") / "templates" / "puzzles") as real:
        shutil.copytree(real, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head, *objectives = (folder / "charter.toml").read_text().split("[[objective]]")
    last, mark, tail = objectives[-1].partition("[certify]")
    kept = next(text for text in [*objectives[:-1], last] if f'name = "{name}"' in text)
    (folder / "charter.toml").write_text(f"{head}[[objective]]{kept}{mark}{tail}")
    birth.begin(folder, seed)


def lived(folder: Path, minutes: float, seed: int) -> dict[str, Any]:
    """The summary of a run."""
    words = [sys.executable, "-m", "selfproof", "run", "--at", str(folder), "--minutes", str(minutes)]
    done = subprocess.run([*words, "--seed", str(seed), "--json"], capture_output=True, text=True, check=True)
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary


def rule_of(folder: Path, name: str) -> str:
    """The body of the function that was searched, as it is now."""
    path, function = FOCUS[name]
    text = (folder / "program" / path).read_text()
    found = re.search(rf'def {function}\(.*?""".*?"""\n(.*?)\n\n\n', text, re.DOTALL)
    assert found is not None
    return found[1]


def solved(folder: Path, seed: int, evaluations: int) -> Iterator[tuple[str, list[bool]]]:
    """For the start, now and every tuned rule of people's whether each report hand is solved, in the same order."""
    with life.viewed(folder) as living:
        task: Any = living.tasks["game24"]
        objective = living.charter.objective("game24")
        sample = task.block(task.parts["report"], np.random.default_rng(seed))
        versions = (living.version(objective, 0), living.version(objective))
        (row,) = paired.on_blocks(living, versions, task, blocks.prepare([sample])).rows
        hands = len(row) // 2
        yield "start", [value > 0 for value in row[:hands]]
        yield "now", [value > 0 for value in row[hands:]]
        explore = task.samples("explore", seed, 8)
        for name, rule, best in players.tuned(task, explore, evaluations, seed):
            yield name, [value > 0 for value in task.draws(sample, rule(sample.value, best))]


def ahead() -> str:
    """A score that looks ahead to the end: what it solves, and its CPU as a multiple of the start's."""
    with tempfile.TemporaryDirectory(prefix="selfproof-puzzles-") as scratch:
        folder = Path(scratch) / "game24"
        made(folder, "game24", 1)
        with life.viewed(folder) as living:
            task: Any = living.tasks["game24"]
            start = living.version(living.charter.objective("game24"), 0)
            after = replace(start, files={**start.files, "policy.py": start.files["policy.py"] + AHEAD})
            part = blocks.prepare([task.block(task.parts["report"], np.random.default_rng(1))])
            (row,) = paired.on_blocks(living, (start, after), task, part).rows
            found = share([value > 0 for value in row[len(row) // 2 :]])
            ratio = paired.cost_ratio(living, (start, after), blocks.prepare(task.samples("confirm", 1, 6)))
    return f"a score that looks ahead to the end: {found[0]:.3f} solved, {ratio:.2f} times the start's CPU"


def row_of(name: str, seed: int, minutes: float) -> dict[str, Any]:
    """One life and what it is worth."""
    with tempfile.TemporaryDirectory(prefix="selfproof-puzzles-") as scratch:
        folder = Path(scratch) / name
        made(folder, name, seed)
        summary = lived(folder, minutes, seed)
        told = summary["objectives"][0]
        row: dict[str, Any] = {
            "objective": name, "seed": seed, "minutes": minutes, "seconds": summary["seconds"],
            "candidates": told["evaluations"], "certified": summary["certified"], "refused": summary["refused"],
            "controls": summary["controls"], "rule": rule_of(folder, name),
            "metric": {key: [told[key], *told[f"{key}_interval" if key == "start" else "interval"]]
                       for key in ("start", "now")},
            "constants_only": told["constants_only"],
            "people": {h["name"]: [h["value"], *h["interval"]] for h in told["humans"]},
            "tuned": told["best_human"]["tuned"],
        }  # fmt: skip
        if name == "game24":
            answers = dict(solved(folder, seed, max(500, told["evaluations"])))
            row["solved"] = {key: share(values) for key, values in answers.items()}
            row["hands"] = len(answers["now"])
            best = max((key for key in answers if key not in {"start", "now"}), key=lambda k: sum(answers[k]))
            row["now_against"] = {key: [sum(a and not b for a, b in zip(answers["now"], answers[key], strict=True)),
                                        sum(b and not a for a, b in zip(answers["now"], answers[key], strict=True))]
                                  for key in ("start", best)}  # fmt: skip
        return row


def share(values: Sequence[bool]) -> list[float]:
    """A share with Wilson's 95% interval."""
    n, p, z = len(values), sum(values) / len(values), 1.96
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]


def table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Means over seeds; the interval is Student's over seeds, for two of them and more."""
    for name in FOCUS:
        here = [row for row in rows if row["objective"] == name]
        if not here:
            continue
        part = "solved" if name == "game24" else "people"
        columns: dict[str, list[float]] = {"start": [], "now": []}
        for row in here:
            values = row["solved"] if name == "game24" else {**row["metric"], **row["people"]}
            for key, value in values.items():
                columns.setdefault(key, []).append(value[0])
        constants = [row["constants_only"]["value"] for row in here if row["constants_only"]]
        if constants:
            columns["constants only" + (" (in the metric)" if part == "solved" else "")] = constants
        yield f"{name}: {len(here)} searches, {[row['candidates'] for row in here]} candidates"
        for key, found in columns.items():
            told = mean_interval(found) if len(found) > 1 else None
            spread = f" [{told.low:.3f}, {told.high:.3f}]" if told else ""
            yield f"  {key:40s} {statistics.fmean(found):.3f}{spread}  {' '.join(f'{v:.3f}' for v in found)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objective", choices=FOCUS, default="game24")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.2)
    parser.add_argument("--rows", type=Path, default=Path("puzzles.jsonl"))
    parser.add_argument("--table", action="store_true", help="only sum up what the rows say")
    parser.add_argument("--ahead", action="store_true", help="measure a score that looks ahead, nothing else")
    given = parser.parse_args()
    if given.ahead:
        print(ahead())
        return
    if not given.table:
        row = row_of(given.objective, given.seed, given.minutes)
        with given.rows.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row["rule"])
    print(*table([json.loads(line) for line in given.rows.read_text().splitlines()]), sep="\n")


if __name__ == "__main__":
    main()
