"""Does experience make the next improvement come sooner? The apprentice's memory objective, in the real jail.

    python benchmarks/experience.py train --store STORE --seeds 901-904 --minutes 0.6
    python benchmarks/experience.py test --store STORE --seeds 1-6 --out ROWS
    python benchmarks/experience.py report ROWS...

``train`` lets apprentices live whose only objective is the second corpus (`Source`), as `selfproof run --seed` does:
they write to the store. ``test`` searches on the first corpus (`Language`) without confirmations, under other seeds,
once for each arm, all arms of a seed with the same search seed: "off" knows nothing, "experience" is told what the
store says, "plateau" widens what is tried when the search stands still, "both" does both. It appends one JSON line for
each search, so it can be run in pieces. ``report`` compares each arm with "off", seed by seed: candidates until 90% of
the final gain (of the arm whose final gain is smaller, so that both get there), the ratio's geometric mean with a 95%
bootstrap interval over seeds; and the final gain on fresh blocks of the report split.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from selfproof import birth, life
from selfproof.domains import paired
from selfproof.domains.base import admitted
from selfproof.domains.quality import Quality
from selfproof.learn.recorder import Nothing, Recorder
from selfproof.trial import blocks as trials

ARMS = ("off", "experience", "plateau", "both")
SHARE = 0.9
BLOCKS = 24
RESAMPLED = 10_000


class Standing(Quality):
    """The memory's domain, with the plateau's effect switched off."""

    @property
    def stale(self) -> float:
        """As if the search always got better."""
        return 0.0


def unborn(folder: Path, corpus: str) -> Path:
    """The shipped apprentice before its birth, its memory the only objective, on one corpus."""
    source = resources.files("selfproof") / "templates" / "apprentice"
    with resources.as_file(source) as real:
        shutil.copytree(real, folder, ignore=shutil.ignore_patterns("__pycache__"))
    charter = (folder / "charter.toml").read_text()
    head, _, tail = charter.partition("[[objective]]                        # how it operates")
    text = head + tail[tail.index("[certify]") :]
    (folder / "charter.toml").write_text(text.replace("language.py:Language", f"language.py:{corpus}"))
    return folder


def train(store: Path, seeds: list[int], minutes: float) -> None:
    """One life for each seed, which writes to the store."""
    for seed in seeds:
        with tempfile.TemporaryDirectory() as scratch:
            folder = unborn(Path(scratch) / "life", "Source")
            words = ["run", "--minutes", str(minutes), "--seed", str(seed), "--json", "--at", str(folder)]
            done = subprocess.run(
                [sys.executable, "-m", "selfproof", *words], capture_output=True, text=True, check=True,
                env={**os.environ, "SELFPROOF_EXPERIENCE": str(store.resolve())},
            )  # fmt: skip
            last = json.loads(done.stdout.splitlines()[-1])
            print(f"seed {seed}: {last['candidates']} candidates, {last['certified']} certified", flush=True)


def searched(store: Path, seed: int, arm: str, most: int) -> dict[str, Any]:
    """One search: the best score after each batch, and start and end on fresh blocks."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = unborn(Path(scratch) / "life", "Language")
        birth.make(folder, seed=seed)
        with life.opened(folder) as living:
            if arm in {"experience", "both"}:
                copy = Path(shutil.copy(store, Path(scratch) / "store.db"))
                living.experience = Recorder(copy, "benchmark", reads=True)
            else:
                living.experience = Nothing()
            kind = Quality if arm in {"plateau", "both"} else Standing
            domain = kind(living, living.charter.objective("memory"))
            curve: list[tuple[int, float]] = []
            stale = 0
            while domain.evaluated < most:
                focus = domain.observe()
                assert focus is not None
                if not curve:
                    curve.append((0, domain.population.best.score))
                stale += domain.stale > 0
                edits = domain.propose(focus)
                candidates, _ = admitted(living, domain.objective, edits, domain.files_of)
                list(domain.race(candidates))
                curve.append((domain.evaluated, domain.population.best.score))
            assert living.experience.problem is None, living.experience.problem
            fresh = trials.prepare(domain.task.samples("report", 977 + seed, BLOCKS))
            first = living.version(domain.objective)
            best = domain.files_of(domain.population.best.id)
            assert best is not None
            versions = (first, living.candidate(domain.objective, best))
            measured = paired.on_blocks(living, versions, domain.task, fresh)
            half = len(measured.rows[0]) // 2
            ends = [statistics.fmean(v for row in measured.rows for v in row[at:][:half]) for at in (0, half)]
    return {"seed": seed, "arm": arm, "most": most, "curve": curve, "stale": stale, "start": ends[0], "end": ends[1]}


def reached(curve: list[tuple[int, float]], level: float) -> int:
    """Candidates after which the best score was at or below a level; it must have been."""
    return next(tried for tried, best in curve if best <= level)


def ratio_of(off: dict[str, Any], on: dict[str, Any]) -> float:
    """Candidates that an arm needed over those that "off" needed, to 90% of the smaller of both gains."""
    start = off["curve"][0][1]
    level = start - SHARE * (start - max(off["curve"][-1][1], on["curve"][-1][1]))
    return max(1, reached(on["curve"], level)) / max(1, reached(off["curve"], level))


def interval(values: list[float], rng: random.Random) -> tuple[float, float]:
    """The 95% percentile interval of the mean, by bootstrap over seeds."""
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(RESAMPLED))
    return means[round(0.025 * RESAMPLED)], means[round(0.975 * RESAMPLED) - 1]


def report(rows: list[dict[str, Any]]) -> None:
    """Print each arm against "off"."""
    by = {(row["seed"], row["most"], row["arm"]): row for row in rows}
    for most in sorted({row["most"] for row in rows}):
        for arm in ARMS[1:]:
            pairs = [(by[s, m, "off"], row) for (s, m, a), row in sorted(by.items())
                     if a == arm and m == most and (s, m, "off") in by]  # fmt: skip
            if len(pairs) < 2:
                continue
            logs = [math.log(ratio_of(off, on)) for off, on in pairs]
            gains = [off["end"] - on["end"] for off, on in pairs]
            low, high = interval(logs, random.Random(1))
            least, largest = interval(gains, random.Random(1))
            stale = statistics.fmean(on["stale"] for _, on in pairs)
            print(
                f"{arm} against off, {most} candidates, n = {len(pairs)} seeds: candidates to 90% of the gain "
                f"x{math.exp(statistics.fmean(logs)):.2f} [{math.exp(low):.2f}, {math.exp(high):.2f}], fewer in "
                f"{sum(x < 0 for x in logs)}, more in {sum(x > 0 for x in logs)}; at the end "
                f"{statistics.fmean(gains):+.4f} [{least:+.4f}, {largest:+.4f}] bits/char better, better in "
                f"{sum(g > 0 for g in gains)}; batches in a plateau {stale:.1f}"
            )


def numbers(text: str) -> list[int]:
    """ "3-5" or "3,7" as a list."""
    first, _, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if last else [int(part) for part in text.split(",")]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "test", "report"))
    parser.add_argument("rows", nargs="*", type=Path, help="what `test` wrote")
    parser.add_argument("--store", type=Path, default=Path("experience.db"))
    parser.add_argument("--seeds", type=numbers, default=numbers("1-4"))
    parser.add_argument("--arms", default="off,experience")
    parser.add_argument("--minutes", type=float, default=0.6)
    parser.add_argument("--candidates", type=int, default=720)
    parser.add_argument("--out", type=Path, default=Path("rows.jsonl"))
    options = parser.parse_args()
    if options.what == "train":
        train(options.store, options.seeds, options.minutes)
    elif options.what == "report":
        report([json.loads(line) for path in options.rows for line in path.read_text().splitlines()])
    else:
        for seed in options.seeds:
            for arm in options.arms.split(","):
                row = searched(options.store, seed, arm, options.candidates)
                with options.out.open("a") as out:
                    out.write(json.dumps(row) + "\n")
                print(f"seed {seed} {arm}: {row['start']:.3f} -> {row['end']:.3f}", flush=True)


if __name__ == "__main__":
    main()
