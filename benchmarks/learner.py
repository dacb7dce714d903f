"""The quality of what is learned, side by side: ``python benchmarks/learner.py --rows learner.jsonl``.

For each subject and search seed the same report samples are answered by what a search found (from the start program,
with the program's own improver, in the real jail, races only), by the control that may change constants alone, by
Optuna's TPE over the start's constants and over the best human family's, and by people's rules as people tune them.
The budget is the same number of candidates, or in training of seconds of processor time: others may use the machine.
Tuners get as many evaluations as the search got candidates, on as many explore samples as the panels of the search.

Each row is appended to ``--rows`` when it is there, and is not measured again; ``--table FILE`` makes the tables from
rows alone, ``--write`` puts their summaries into docs/ too. ``--all`` also runs the scripts for what has its own: speed
of its own operation, other people's code, experience, recursion, and lives with certificates. ``--list`` says what
there is. All subjects and seeds take hours, the scripts several more.
"""

# ruff: noqa: E402  threads are counted where NumPy is loaded

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import learner_families as families
import learner_rows as rows
import learner_tuners as tuners
from learner_search import SUBJECTS, Place, Subject, place

from selfproof.nouns import SelfproofError, UsageError

SEEDS, TRAINING_SEEDS = 5, 8
ADAM = "training"
"""The subject whose rows of tuned Adam stand for both starts of training: they do not hang on a start."""
SCRIPTS: dict[str, tuple[str, ...]] = {
    "operations": ("acceptance.py --minutes 2", "own_functions.py --minutes 4 --planted"),
    "functions": ("functions.py --minutes-each 1",),
    "lives": tuple(f"puzzles.py --objective {name} --seed {seed} --minutes 1.3 --rows {{at}}/puzzles.jsonl"
                   for name in ("game24", "dispatch") for seed in (1, 2, 3)),
    "experience": (
        "experience.py train --store {at}/experience.db --seeds 901-903 --minutes 0.7",
        "experience.py test --store {at}/experience.db --seeds 1-12 --out {at}/experience.jsonl",
        "experience.py report {at}/experience.jsonl",
    ),
    "recursion": (
        "recursion.py evolve --at {at}/recursion",
        "recursion.py learn --at {at}/recursion --tasks 12",
        "recursion.py look --at {at}/recursion",
        "recursion.py report --at {at}/recursion",
    ),
}  # fmt: skip
"""What has a script of its own, with the arguments of the pages in docs/; ``{at}`` is the folder of the rows."""


@dataclass(frozen=True)
class Given:
    """What the command line asks for."""

    file: Path
    seeds: int
    candidates: float
    cpu: float
    contestants: frozenset[str]


def measured(given: Given, subject: Subject, seed: int) -> None:
    """All contestants of a subject under a seed that have no row yet."""
    known = {rows.key_of(row): row for row in rows.loaded(given.file)}
    names = families.contestants(subject)
    wanted = [n for n in names if (subject.name, n, seed) not in known and n in given.contestants]
    if tuners.optuna is None:
        wanted = [name for name in wanted if not name.startswith("Optuna")]
    if not wanted:
        return
    most = (given.cpu if subject.cpu else given.candidates) or subject.budget
    for name in wanted:
        load, began = os.getloadavg()[0], time.monotonic()
        with place(replace(subject, budget=most), seed) as where:
            row = {
                "subject": subject.name, "contestant": name, "seed": seed, "better": where.objective.better,
                "unit": "CPU seconds" if subject.cpu else "candidates", "budget": most,
                **contest(where, name, known.get((subject.name, rows.OURS, seed))), "load": round(load, 1),
            }  # fmt: skip
        rows.add(given.file, row)
        known[rows.key_of(row)] = row
        score = f"{sum(row['report']) / len(row['report']):.4f}" if row["report"] else row["broken"]
        print(f"{subject.name} seed {seed} {name}: {score}, {row['candidates']} candidates, {row['cpu']:.0f} s of CPU, "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip


def contest(where: Place, name: str, searched: dict[str, Any] | None) -> dict[str, Any]:
    """One contestant's part of a row. ``searched`` is the search's row: what it used is the tuners' budget."""
    subject = where.subject
    free = {"candidates": 0, "evaluations": 0, "cpu": 0.0}
    if name == "start":
        return {**free, "found": where.shown(where.start), **where.reported(where.start)}
    if name in {rows.OURS, "constants only"}:
        files, cost = where.searched(subject.budget, constants=name != rows.OURS)
        return {**cost, "found": where.shown(files), **where.reported(files)}
    if name == families.FIXED:
        told, report, evaluations = families.training_fixed(where)
        return {**free, "evaluations": evaluations, "found": told, "report": report}
    if searched is None and subject.cpu:
        raise UsageError("a tuner's budget in training is the search's", advice="Let `search` run first.")
    most = searched["cpu" if subject.cpu else "candidates"] if searched else subject.budget
    budget = tuners.Budget(most, subject.cpu)
    shown = 1 if subject.cpu else searched["panel"] * searched["panels"] if searched else 8
    seed = where.life.search_seed("learner", "explore") % 2**31
    if name in families.TUNED.get(subject.name, {}):
        began = where.cpu()
        told, report, evaluations = families.TUNED[subject.name][name](where, shown, budget, seed)
        cost = {"candidates": evaluations, "evaluations": evaluations, "cpu": round(where.cpu() - began, 1)}
        return {**cost, "found": told, "report": report}
    if name == "Optuna, start":
        family = tuners.start_family(where, shown, seed)
    else:
        family = families.FAMILIES[subject.name](where, shown, seed)[name]
    best, cost = tuners.tpe(family, budget, seed, where.cpu)
    return {**cost, "found": family.told(best), "report": family.report(best)}


def known_rows(file: Path) -> list[dict[str, Any]]:
    """A file's rows; those of tuned Adam also for the search that starts from it.

    Raises:
        UsageError: there are none.
    """
    every = rows.loaded(file)
    if not every:
        raise UsageError(f"{file} has no rows", advice="Measure first: python benchmarks/learner.py --rows FILE.")
    if any(row["subject"] == "training-adam" for row in every):
        ours = {row["seed"] for row in every if row["subject"] == "training-adam"}
        adam = [r for r in every if r["subject"] == ADAM and r["contestant"] in {"Optuna, human", "human, tuned"}]
        every += [{**row, "subject": "training-adam"} for row in adam if row["seed"] in ours]
    return every


def written(file: Path) -> None:
    """Put the summaries into the pages that have places for them."""
    for page in sorted((Path(__file__).resolve().parents[1] / "docs").glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = rows.written(before, known_rows(file))
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.name} is written")


def script(name: str, at: Path) -> list[str]:
    """Run what has a script of its own; those that failed, after which the others of the name are left out."""
    here = Path(__file__).resolve().parent
    for words in SCRIPTS[name]:
        file, *rest = [word.format(at=at) for word in words.split()]
        print(f"== {file} {' '.join(rest)}", flush=True)
        done = subprocess.run([sys.executable, str(here / file), *rest], check=False)
        if done.returncode:
            return [f"{name}: {file} ended with exit code {done.returncode}"]
    return []


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*SUBJECTS, *SCRIPTS]
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="the scripts of the other pages too")
    what.add_argument("--only", action="append", choices=known, metavar="NAME", help="this one; may be repeated")
    what.add_argument("--table", type=Path, metavar="FILE", help="measure nothing: the tables of these rows")
    parser.add_argument("--write", action="store_true", help="with --table: into the pages in docs too")
    what.add_argument("--list", action="store_true", help="subjects, contestants and scripts")
    parser.add_argument("--seeds", type=int, default=0, help=f"{SEEDS}, and {TRAINING_SEEDS} of training, if not given")
    parser.add_argument("--contestant", action="append", metavar="NAME", help="this one; may be repeated")
    parser.add_argument("--candidates", type=float, default=0.0, help="budget; each subject's own if not given")
    parser.add_argument("--cpu", type=float, default=0.0, help="budget of training in seconds of processor time")
    parser.add_argument("--rows", type=Path, default=Path("learner.jsonl"))
    return parser.parse_args(words)


def work(given: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    if given.list:
        for name, subject in SUBJECTS.items():
            print(f"{name}: {'; '.join(families.contestants(subject))}")
        for name, lines in SCRIPTS.items():
            print(f"{name}: {'; '.join(lines)}")
        return
    if given.table:
        print(*rows.table(known_rows(given.table)), sep="\n")
        if given.write:
            written(given.table)
        return
    everyone = {name for subject in SUBJECTS.values() for name in families.contestants(subject)}
    if unknown := set(given.contestant or ()) - everyone:
        raise UsageError(f"no contestant {', '.join(sorted(unknown))}", advice=f"There are: {', '.join(everyone)}.")
    if not given.rows.resolve().parent.is_dir():
        raise UsageError(f"there is no folder for {given.rows}", advice="Make it, or name another file with --rows.")
    if tuners.optuna is None:
        print(tuners.MISSING, file=sys.stderr)
    asked = Given(given.rows, given.seeds, given.candidates, given.cpu, frozenset(given.contestant or everyone))
    names = given.only or [*SUBJECTS, *(SCRIPTS if given.all else ())]
    for name in (n for n in names if n in SUBJECTS):
        subject = SUBJECTS[name]
        for seed in range(1, 1 + (asked.seeds or (TRAINING_SEEDS if subject.cpu else SEEDS))):
            measured(asked, subject, seed)
    at = given.rows.resolve().parent
    failed = [told for name in names if name in SCRIPTS for told in script(name, at)]
    if any(name in SUBJECTS for name in names):
        print(*rows.table(known_rows(given.rows)), sep="\n")
    if failed:
        raise SelfproofError("; ".join(failed), advice="The lines of each script above say why.")


def main() -> int:
    """Exit code 1 and one line of what is wrong, if something is."""
    try:
        work(parsed())
    except SelfproofError as error:
        print(f"{error}\n{error.advice()}".strip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
