"""Does version n of the improver improve faster than version 0 on tasks it never saw? Plan: decision 0048.

    python benchmarks/recursion.py learn --at DIR [--life PROGRAM]    logs on train families, and every variant's source
    python benchmarks/recursion.py evolve --at DIR                    generations: each proposes its own successor
    python benchmarks/recursion.py try --at DIR --tasks N             development: train families, other problems
    python benchmarks/recursion.py look --at DIR                      the one look at held-out problems; restartable
    python benchmarks/recursion.py report --at DIR [--rows NAME]      the table

Everything runs in the jail, one process for each search. A row of ``look.jsonl`` is one task and one arm: five seeds'
curves of the share of the gap closed, and how many of its edits were valid, better than their parent, a new best.
The measure: evaluations until the mean curve of five seeds reaches what version 0 reaches, on five *other* seeds
(the arm "target"), after half of the evaluations; an arm that does not get there counts as twice all evaluations.
The ratio of version 0's number to a variant's is averaged geometrically over tasks; 95% percentile bootstrap over
tasks; sign-flip p-values, Holm-corrected over all variants. "again" is version 0 under yet other seeds: the A/A line.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import recursion_variants as variants  # noqa: E402

from selfproof.jail import Limits, Pool  # noqa: E402
from selfproof.operators import OPERATORS  # noqa: E402
from selfproof.propose import jailed  # noqa: E402
from selfproof.templates.improver.tasks import families, improving  # noqa: E402
from selfproof.templates.improver.tasks.improving import Improvement, Search  # noqa: E402
from selfproof.trial import blocks  # noqa: E402
from selfproof.trial.exchange import answered  # noqa: E402
from selfproof.trial.task import Sample  # noqa: E402

EVALUATIONS, SEEDS, EACH = 48, 5, 10
LEAST_TARGET = 0.02
FLIPS = 20_000
LISTED = 11  # variants of decision 0048; `evolved` found nothing and is version 0
REFERENCE = ("target", "version 0", "again")
FOCUS = ("attraction", "frequencies", "doubling", "weight", "fading", "largest")
ENTRY = "improver.py:propose"


def number(*words: object) -> int:
    """A seed from words, the same everywhere."""
    return zlib.crc32("|".join(map(str, words)).encode())


class Logged(Search):
    """A search that keeps what became of each edit, for learning."""

    def __init__(self, problem: families.Problem, seed: int, evaluations: int) -> None:
        super().__init__(problem, seed, evaluations)
        self.logs: list[dict[str, Any]] = []
        self._rows: list[dict[str, Any]] = []

    def view(self) -> dict[str, Any]:
        told = super().view()
        found = {row["id"]: row for row in told["parents"]}
        self._rows = sorted(found.values(), key=lambda row: row["score"])
        return told

    def _one(self, row: Any) -> None:
        before = dict(self.counts)
        tried = float(len(self.tried))
        super()._one(row)
        if self.counts["valid"] == before["valid"]:
            return
        place = next(i for i, parent in enumerate(self._rows) if parent["id"] == row["parent"])
        spread = self._rows[-1]["score"] - self._rows[0]["score"]
        behind = (self._rows[place]["score"] - self._rows[0]["score"]) / spread if spread > 0 else 0.0
        self.logs.append({
            "operator": row["operator"], "title": row["title"], "before": self._rows[place]["source"],
            "after": row["files"][improving.PATH], "place": float(place), "behind": behind, "tried": tried,
            "gain": self.counts["gains"] > before["gains"], "better": self.counts["better"] > before["better"],
        })  # fmt: skip


def samples_of(family: str, key: str, evaluations: int, seeds: Sequence[int], kept: list[Search]) -> list[Sample]:
    """The problem of this name, searched with each of the seeds; the searches are put into ``kept``."""
    problem = families.problem(family, np.random.default_rng(number(family, key)))
    found = []
    for seed in seeds:
        search = Logged(problem, seed, evaluations)
        kept.append(search)
        found.append(Sample(search.view(), None, lambda problem=problem, search=search: Improvement([search])))
    return found


def searched(pool: Pool, source: str, work: Sequence[tuple[str, str, int]], evaluations: int) -> list[Logged]:
    """One jailed process for each (family, key, seed)."""
    return answers(pool, [(source, *one) for one in work], evaluations)


def answers(pool: Pool, work: Sequence[tuple[str, str, str, int]], evaluations: int) -> list[Logged]:
    """The same for (source, family, key, seed); a search whose improver failed ends where it was."""
    kept: list[Any] = []
    jobs = []
    for source, family, key, seed in work:
        (sample,) = samples_of(family, key, evaluations, [seed], kept)
        jobs.append(blocks.job({"improver.py": source}, ENTRY, blocks.prepare([sample]), Limits(wall_s=60.0)))
    for outcome, search in zip(pool.map(jobs), kept, strict=True):
        if outcome.status != "ok":
            search.counts["failed"] = 1
        else:
            answered(outcome.outputs[0])
        while not search.over:
            search._step()
    return kept


def row_of(arm: str, family: str, key: str, found: Sequence[Search]) -> dict[str, Any]:
    """What is kept of an arm's searches on one task."""
    counts = {name: sum(s.counts.get(name, 0) for s in found) for name in (*found[0].counts, "failed")}
    curves = [[round(value, 4) for value in search.curve] for search in found]
    return {"arm": arm, "family": family, "key": key, "curves": curves, **counts}


def learn(folder: Path, life: Path | None, tasks: int) -> None:
    """Logs of version 0 on train families, and every variant's source."""
    source = variants.original()
    work = [(family, f"learn-{i}", number("learn", i, seed)) for family in families.TRAIN for i in range(tasks)
            for seed in range(2)]  # fmt: skip
    with Pool(2) as pool:
        found = searched(pool, source, work, EVALUATIONS)
        uniform = searched(pool, variants.composing(source), work, EVALUATIONS)
    logs = [log for search in found for log in search.logs]
    composed = [log for search in uniform for log in search.logs]
    rules = [search.archive.members[0].source for search in found]
    ended = [(search.archive.members[0].source, search.curve[-1]) for search in (*found, *uniform)]
    composing = variants.composing(source, composed)
    ranked = variants.ranker(composing, [*logs, *composed])
    evolved = (life / "program/improver.py").read_text() if life else (folder / "evolved.py").read_text()
    made = {
        "version 0": source, "prior": variants.prior(source, logs), "bandit": variants.bandit(source),
        "ranker": variants.ranker(source, logs), "natural": variants.natural(source, rules),
        "greedy": variants.greedy(source), "evolved": evolved,
        "uniform terms": variants.composing(source), "learned terms": composing,
        "library": variants.library(source, ended), "learned terms, ranker": ranked,
        "library, learned terms, ranker": variants.library(ranked, ended),
    }  # fmt: skip
    (folder / "variants.json").write_text(json.dumps(made, indent=1))
    print(f"{len(logs)} edits: {sum(log['better'] for log in logs)} better than their parent, "
          f"{sum(log['gain'] for log in logs)} a new best")  # fmt: skip


def evolve(folder: Path, generations: int, offspring: int, problems: int, seed: int) -> None:
    """Generations without the gate: each version proposes edits of its own source, the best on fresh problems stays."""
    source, trail = variants.original(), []
    with Pool(2) as pool:
        for generation in range(generations):
            work = [(f, f"evolve-{seed}-{generation}-{i}", number(seed, generation, i)) for i in range(problems)
                    for f in families.TRAIN]  # fmt: skip
            base = means(searched(pool, source, work, improving.EVALUATIONS))
            best, gain, title = source, 0.0, ""
            for candidate, told in edits_by(pool, source, offspring, number(seed, "edits", generation)):
                first = means(searched(pool, candidate, work[: len(work) // 4], improving.EVALUATIONS))
                if np.mean(first - base[: len(first)]) <= 0:
                    continue
                scores = means(searched(pool, candidate, work, improving.EVALUATIONS))
                difference = scores - base
                lower = float(difference.mean() - difference.std() / math.sqrt(len(difference)))
                if lower > gain:
                    best, gain, title = candidate, lower, told
            again = [(f, f"check-{seed}-{generation}-{i}", number("check", seed, generation, i))
                     for i in range(problems) for f in families.TRAIN]  # fmt: skip
            difference = means(searched(pool, best, again, 48)) - means(searched(pool, source, again, 48))
            kept = best != source and float(difference.mean()) > 0
            trail.append(
                {
                    "generation": generation,
                    "title": title,
                    "kept": kept,
                    "gap": float(base.mean()),
                    "gain": float(difference.mean()),
                    "se": float(difference.std() / len(difference) ** 0.5),
                }
            )
            print(trail[-1], flush=True)
            source = best if kept else source
            (folder / "evolved.py").write_text(source)
            (folder / f"generation-{generation + 1}.py").write_text(source)
    (folder / "evolve.json").write_text(json.dumps(trail, indent=1))


def edits_by(pool: Pool, source: str, offspring: int, seed: int) -> Iterator[tuple[str, str]]:
    """Edits of an improver's own source that it proposes itself, of one of its functions after the other."""
    for i in range(offspring):
        view = {
            "kind": "quality", "path": "improver.py", "function": FOCUS[i % len(FOCUS)], "wanted": 1, "seed": seed + i,
            "operators": [*OPERATORS, "crossover"], "history": [], "tried": [], "plateau": 0.0,
            "parents": [{"id": "0", "source": source, "score": 1.0, "size": 10}],
        }  # fmt: skip
        (outcome,) = pool.map([jailed.request({"improver.py": source}, ENTRY, view, Limits())])
        for edit in jailed.receive(outcome, "improver", 1, ("improver.py",)).edits:
            yield edit.files["improver.py"], f"{FOCUS[i % len(FOCUS)]}: {edit.title}"


def means(found: Sequence[Search]) -> np.ndarray[Any, Any]:
    """The mean share of the gap closed of each search."""
    return np.array([sum(s.curve) / len(s.curve) for s in found])


def measured(rows: Path, key: str, each: int, over: Sequence[str], arms: dict[str, str]) -> None:
    """Run every arm on every task that has no row yet."""
    done = {(r["arm"], r["family"], r["key"]) for r in loaded(rows)}
    with Pool(2) as pool, rows.open("a") as file:
        for i in range(each):
            for family in over:
                name = f"{key}-{i}"
                wanted = [arm for arm in arms if (arm, family, name) not in done]
                parts = {arm: {"target": 1, "again": 2}.get(arm, 0) for arm in wanted}
                work = [(arms[arm], family, name, number("seed", parts[arm], name, s))
                        for arm in wanted for s in range(SEEDS)]  # fmt: skip
                found = answers(pool, work, EVALUATIONS)
                for place, arm in enumerate(wanted):
                    row = row_of(arm, family, name, found[place * SEEDS : (place + 1) * SEEDS])
                    file.write(json.dumps(row) + "\n")
                file.flush()


def loaded(rows: Path) -> list[dict[str, Any]]:
    """The rows of a file, which may end in half a line."""
    text = rows.read_text() if rows.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1] if line]


def reached(curve: np.ndarray[Any, Any], target: float) -> float:
    """Evaluations until a curve is at the target; twice all of them if it never is."""
    there = np.flatnonzero(curve >= target - 1e-9)
    return float(there[0] + 1) if len(there) else 2.0 * len(curve)


def holm(values: dict[str, float], listed: int = 0) -> dict[str, float]:
    """Holm's adjusted p-values (Scandinavian Journal of Statistics 6:65, 1979), of so many that were listed before."""
    found, worst = {}, 0.0
    for place, (name, p) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        worst = max(worst, min(1.0, p * (max(listed, len(values)) - place)))
        found[name] = worst
    return found


def compared(rows: Sequence[dict[str, Any]], families_: Sequence[str] = ()) -> list[dict[str, Any]]:
    """For each arm the ratio, its interval and p-value, over the tasks with something to reach."""
    tasks: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for row in rows:
        tasks.setdefault((row["family"], row["key"]), {})[row["arm"]] = row
    arms = [arm for arm in dict.fromkeys(row["arm"] for row in rows) if arm not in REFERENCE[:2]]
    whole = [
        t for (f, _), t in tasks.items() if set(arms) | set(REFERENCE) <= set(t) and (not families_ or f in families_)
    ]
    curve = {id(t): {arm: np.mean(t[arm]["curves"], axis=0) for arm in t} for t in whole}
    used = [t for t in whole if curve[id(t)]["target"][EVALUATIONS // 2 - 1] >= LEAST_TARGET]
    rng, found = np.random.default_rng(48), []
    for arm in arms:
        logs, final = [], []
        for t in used:
            target = curve[id(t)]["target"][EVALUATIONS // 2 - 1]
            ours, theirs = (reached(curve[id(t)][a], target) for a in (arm, "version 0"))
            logs.append(math.log(theirs / ours))
            final.append(float(np.mean(curve[id(t)][arm]) - np.mean(curve[id(t)]["version 0"])))
        y, z = np.array(logs), np.array(final)
        draws = rng.integers(0, len(y), (FLIPS // 2, len(y)))
        flips = np.abs((rng.choice([-1.0, 1.0], (FLIPS, len(y))) * y).mean(axis=1)) >= abs(y.mean()) - 1e-12
        edits = {k: sum(t[arm][k] for t in used) for k in ("edits", "valid", "better", "gains", "failed")}
        found.append({
            "arm": arm, "tasks": len(used), "left_out": len(whole) - len(used), "ratio": math.exp(y.mean()),
            "interval": [math.exp(v) for v in np.quantile(y[draws].mean(axis=1), [0.025, 0.975])],
            "p": float((flips.sum() + 1) / (FLIPS + 1)), "area": float(z.mean()),
            "area_interval": np.quantile(z[draws].mean(axis=1), [0.025, 0.975]).tolist(), "edits": edits,
            "wins": int((y > 0).sum()), "losses": int((y < 0).sum()),
        })  # fmt: skip
    adjusted = holm({row["arm"]: row["p"] for row in found if row["arm"] != "again"}, LISTED)
    return [{**row, "holm": adjusted.get(row["arm"])} for row in found]


def report(rows: Path) -> None:
    """The table, for all families and for those that were never trained on."""
    every = [row for file in sorted(rows.parent.glob(f"{rows.stem[:-2]}-*.jsonl")) for row in loaded(file)]
    for told, over in (("all families", ()), ("train families", families.TRAIN), ("unseen families", families.UNSEEN)):
        if over and not {row["family"] for row in every} & set(over):
            continue
        found = compared(every, over)
        print(f"\n{told}: {found[0]['tasks']} tasks, {found[0]['left_out']} left out\n")
        print("| arm | speed-up | 95% | p, Holm | won, lost | area of the curve, difference | better than parent |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        for row in found:
            (a, b), (c, d), e = row["interval"], row["area_interval"], row["edits"]
            p = "A/A" if row["holm"] is None else f"{row['holm']:.4f}"
            print(f"| {row['arm']} | {row['ratio']:.2f} | [{a:.2f}, {b:.2f}] | {p} | {row['wins']}, {row['losses']} | "
                  f"{row['area']:+.3f} [{c:+.3f}, {d:+.3f}] | {e['better'] / max(1, e['edits']):.3f} |")  # fmt: skip
    if every:
        (zero,) = {
            json.dumps([sum(r[k] for r in every if r["arm"] == "version 0") for k in ("edits", "better", "gains")])
        }
        print(f"\nversion 0: edits, better than their parent, a new best: {zero}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["learn", "evolve", "try", "look", "report"])
    parser.add_argument("--at", type=Path, required=True, help="the folder of all results")
    parser.add_argument("--life", type=Path, help="a living program whose certified improver is the arm `evolved`")
    parser.add_argument("--tasks", type=int, default=EACH, help="problems of each family")
    parser.add_argument("--rows", default="look", help="of `report`: look or try")
    parser.add_argument("--part", default="0/1", help="I/N: every N-th family from the I-th on, beside other processes")
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--offspring", type=int, default=18)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--arms", default="", help="of `try`: these alone, by semicolon")
    given = parser.parse_args()
    given.at.mkdir(parents=True, exist_ok=True)
    part, parts = (int(word) for word in given.part.split("/"))
    rows = given.at / f"{given.rows if given.step == 'report' else given.step}-{part}.jsonl"
    if given.step == "learn":
        learn(given.at, given.life, given.tasks)
    elif given.step == "evolve":
        evolve(given.at, given.generations, given.offspring, 8, given.seed)
    elif given.step == "report":
        report(rows)
    else:
        made = json.loads((given.at / "variants.json").read_text())
        zero = made.pop("version 0")
        arms = {
            **dict.fromkeys(REFERENCE, zero),
            **{k: v for k, v in made.items() if not given.arms or k in given.arms.split(";")},
        }
        held_out = given.step == "look"
        over = (*families.TRAIN, *families.UNSEEN) if held_out else families.TRAIN
        measured(rows, "held-out-1" if held_out else "try", given.tasks, over[part::parts], arms)


if __name__ == "__main__":
    main()
