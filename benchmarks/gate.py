"""What the gate promises, tried where the truth is known: ``python benchmarks/gate.py [--quick] [--write]``.

Every table is made by the code that runs in a life (``selfproof.simulate``). A rate is the share of simulated lives in
which anything was adopted that is not better; in brackets its one-sided 95% upper bound (Clopper-Pearson). Families:
B pass or fail, S a dense score, H timings with heavy tails. A pair is two runs, one where the incumbent is cached.

``null``      nobody is better: 1000 and 10,000 candidates
``skewed``    nearly every draw looks better, the mean is not: block sizes, with and without the second bet
``mixed``     5% better, 20% worse, 75% neutral: what a true adoption costs
``adaptive``  proposers that adapt to what they see
``rare``      a little better nearly always, everything lost in 1% of the runs
``speed``     updates of the e-process in a minute
``timing``    real timings of equal programs (``benchmarks/aa_timing.py``)

``--only NAME`` makes one table; ``--write`` puts each into docs/gate.md between its marks as soon as it is done;
``--quick`` divides the number of worlds by 20. The full set takes about an hour on two cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import random
import runpy
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from selfproof.certify.betting import Wealth
from selfproof.certify.gate import Confirmation
from selfproof.certify.spending import level
from selfproof.certify.terms import Pair, Rule
from selfproof.simulate.noise import RareLoss
from selfproof.simulate.players import PLAYERS
from selfproof.simulate.runner import Plan, report, simulate
from selfproof.simulate.worlds import MARGIN, Group, World, named

PAGE = Path(__file__).resolve().parents[1] / "docs" / "gate.md"
TIMING = Path(__file__).with_name("aa_timing.py")
RACES = (
    ("race, lean", {"preset": "lean"}),
    ("race, mid", {"preset": "mid"}),
    ("race, balanced", {"preset": "balanced"}),
    ("race, lean, e-LOND", {"gate": "race-fdr"}),
)
CACHED = tuple((f"{name}, cached", {**how, "cached": True}) for name, how in RACES[:3])
SPENDERS = (
    ("bet for every candidate", {"gate": "bet"}),
    ("t-test, level spent", {"gate": "ttest-spend"}),
    ("SGM-style Bernstein", {"gate": "sgm"}),
)
OTHERS = (
    ("greedy, 1 pair", {"gate": "greedy"}),
    ("greedy, mean of 5", {"gate": "greedy5"}),
    ("t-test, 30 pairs", {"gate": "ttest"}),
    ("t-test, peeking", {"gate": "ttest-peek"}),
)
FAMILIES = ("B", "S", "H")


class Bench:
    """How much is simulated, and on how many processes."""

    def __init__(self, divisor: int, processes: int) -> None:
        self.divisor, self.processes = divisor, processes

    def row(self, world: World, worlds: int, candidates: int = 1000, **how: Any) -> dict[str, Any]:
        """One simulation; seeds are fixed, so that the table can be made again."""
        plan = Plan(world, candidates=candidates, worlds=max(5, worlds // self.divisor), seed=20_26, **how)
        began = time.perf_counter()
        found = report(plan, simulate(plan, processes=self.processes))
        said = {key: value for key, value in how.items() if value}
        print(f"  {world.name} {candidates} {said}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        return found


def rate(row: dict[str, Any]) -> str:
    """A rate with its upper bound, in percent."""
    return f"{100 * row['any_false']['rate']:.1f} ({100 * row['any_false']['upper95']:.1f})"


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table whose first column is text."""
    names = list(head)
    lines = [f"| {' | '.join(names)} |", "|---|" + "--:|" * (len(names) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def null(bench: Bench) -> str:
    """Nobody is better."""
    worlds = [*(named("null", family) for family in FAMILIES), named("drift")]
    lines = []
    for name, how in (*RACES, *SPENDERS, *OTHERS):
        proves = (name, how) not in OTHERS
        cells = [rate(bench.row(world, 400 if proves else 40, **how)) for world in worlds]
        # What adopts something in every short life does so in every long one; the other presets take hours.
        long = how.get("preset", "lean") == "lean" and (name, how) in RACES
        cells += [rate(bench.row(world, 400, 10_000, **how)) if long else "" for world in worlds[:3]]
        lines.append([name, *cells])
    heads = [*(f"{w}, 1000" for w in (*FAMILIES, "drift")), *(f"{family}, 10,000" for family in FAMILIES)]
    notes = (
        "\n\nIn percent of 400 worlds (of 40 where a rule proves nothing). The same verdicts with a cached incumbent."
    )
    return markdown(["gate", *heads], lines) + _of(bench, notes)


BLOCKS = (1, 16, 64, 256, 1024)


def skewed(bench: Bench) -> str:
    """Skewed worlds: by kind, block, and whether the second bet is asked for."""
    lines = []
    kinds = [(f"losses in {part} of the draws", f"skewed:{part}") for part in ("20%", "5%", "1%")]
    cases = [(f"{text}, mean {word}", name, mean) for text, name in kinds for word, mean in _MEANS]
    cases.append(("surer than it should be", "skewed:sharper", 0.0))
    for text, name, mean in cases:
        for second in (False, True):
            cells = []
            for block in BLOCKS:
                worlds, candidates = (200, 1000) if block == 256 else (100, 250)
                made = named(name, block=block, second_bet=second, mean=mean)
                cells.append(rate(bench.row(made, worlds, candidates)))
            lines.append([text, "yes" if second else "no", *cells, _long(bench, name, mean) if second else ""])
    heads = ["world", "second bet", *(f"block of {block}" for block in BLOCKS), "256, 10,000 candidates"]
    notes = (
        "\n\nIn percent of 200 worlds of 1000 candidates for blocks of 256, of 200 worlds of 10,000 in the last "
        "column, and of 100 worlds of 250 elsewhere; gate: race, lean. A mean of 0 is not better, but not worse than "
        f"the margin ({MARGIN}) either: there the second bet promises nothing."
    )
    return markdown(heads, lines) + _of(bench, notes)


def _long(bench: Bench, name: str, mean: float) -> str:
    """Worlds that are worse by the margin or more, in which the gate promises something: long lives too."""
    if mean == 0.0 and name != "skewed:sharper":
        return ""
    return rate(bench.row(named(name, block=256, second_bet=True, mean=mean), 200, 10_000))


_MEANS = (("0", 0.0), ("one margin below 0", -MARGIN))


def mixed(bench: Bench) -> str:
    """What a true adoption costs."""
    lines = []
    for name, how in (*OTHERS, *SPENDERS, *RACES, *CACHED):
        rows = [bench.row(named("mixed", family), 300, **how) for family in FAMILIES]
        lines.append([
            name,
            " / ".join(f"{100 * row['any_false']['rate']:.1f}" for row in rows),
            " / ".join(_share(row["adopted"] - row["true"], row["adopted"]) for row in rows),
            " / ".join(f"{row['harmful'] / row['worlds']:.3g}" for row in rows),
            " / ".join(f"{row['power']:.2f}" for row in rows),
            " / ".join(_plus_minus(row, "runs_per_true_adoption", 0) for row in rows),
            " / ".join(_plus_minus(row, "gain_per_10k_runs", 1) for row in rows),
        ])  # fmt: skip
    heads = ["gate", "worlds with any false, %", "false share, %", "harmful of 1000", "found of .4 or more",
             "runs per true adoption", "gain in 10k runs"]  # fmt: skip
    notes = "\n\nB / S / H; 300 worlds of 1000 candidates; ± is half a 95% interval."
    return markdown(heads, lines) + _of(bench, notes)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2g}" if whole else "-"


def _plus_minus(row: dict[str, Any], key: str, digits: int) -> str:
    if row[key] is None:
        return "none"
    interval = row["intervals"][key]
    spread = f" ± {(interval[1] - interval[0]) / 2:.{digits}f}" if interval else ""
    return f"{row[key]:.{digits}f}{spread}"


def adaptive(bench: Bench) -> str:
    """Proposers that adapt, against the gate and against one that spends nothing."""
    lines = []
    for player in PLAYERS:
        world = named("null", "H" if player == "abandons" else "S")
        rows = [bench.row(world, 400, player=player, gate=gate) for gate in ("race", "race-unspent")]
        lines.append([player, f"{rows[0]['confirmations'] / rows[0]['worlds']:.0f}", *map(rate, rows)])
    heads = ["proposer", "confirmations in a life", "the gate, %", "each confirmation at alpha, %"]
    return markdown(heads, lines) + _of(bench, "\n\n400 worlds of 1000 steps in which nobody is better; race, lean.")


def rare(bench: Bench) -> str:
    """Rare losses: who is fooled, and what it takes not to be."""
    lossy = named("rare-loss")
    clean = dataclasses.replace(lossy, noise=RareLoss(rate=0.0), groups=(Group(1.0, 1.0, 1.0),))
    lines = []
    for name, how in (*RACES[:3], *SPENDERS, *OTHERS[2:]):
        lines.append(_rare_row(bench, name, lossy, clean, how))
    for share in (0.05, 0.01):
        third = [dataclasses.replace(world, loss=0.5, loss_rate=share) for world in (lossy, clean)]
        lines.append(_rare_row(bench, f"race, balanced, third bet at {share:.0%}", *third, {"preset": "balanced"}))
    heads = ["gate", "any false in 200 candidates, %", "adopted of those that never lose, %"]
    return markdown(heads, lines) + _of(bench, "\n\n40 worlds of 200 candidates; 10 worlds of 100 that never lose.")


def _rare_row(bench: Bench, name: str, lossy: World, clean: World, how: dict[str, Any]) -> list[str]:
    better = bench.row(clean, 10, 100, **how)
    return [name, rate(bench.row(lossy, 40, 200, **how)), f"{better['adopted'] / (better['worlds'] * 1.0):.1f}"]


def speed(bench: Bench) -> str:
    """Updates in a minute, the best of five."""
    rng, n = random.Random(1), 400_000 // min(bench.divisor, 4)
    outcomes = [rng.uniform(-1, 1) for _ in range(n)]
    pairs = [Pair(y) for y in outcomes]

    def wealth() -> None:
        bet = Wealth().bet
        for outcome in outcomes:
            bet(outcome)

    def confirmation() -> None:
        take = Confirmation(Rule(level(0.05, 1.0, 50), 1.0, n)).take
        for pair in pairs:
            take(pair)

    def verdicts() -> None:
        add = Confirmation(Rule(level(0.05, 1.0, 50), 1.0, n)).add
        for pair in pairs:
            add(pair)

    named_ways: list[tuple[str, Callable[[], None]]] = [
        ("one wealth", wealth), ("a confirmation: wealth, futility, losses", confirmation),
        ("the same, with a verdict after each pair", verdicts),
    ]  # fmt: skip
    return markdown(
        ["update", "million pairs in a minute", "µs for a pair"],
        [[name, f"{60 / each / 1e6:.0f}", f"{1e6 * each:.2f}"] for name, way in named_ways for each in [_best(way, n)]],
    )


def _best(way: Callable[[], None], n: int) -> float:
    taken = math.inf
    for _ in range(5):
        began = time.process_time()
        way()
        taken = min(taken, time.process_time() - began)
    return taken / n


def timing(bench: Bench) -> str:
    """Real timings, measured by a script of their own."""
    del bench
    made = runpy.run_path(str(TIMING))["table"]()
    assert isinstance(made, str)
    return made


def _of(bench: Bench, notes: str) -> str:
    return notes if bench.divisor == 1 else f"{notes} **Quick run: worlds divided by {bench.divisor}.**"


TABLES: dict[str, Callable[[Bench], str]] = {
    "null": null, "skewed": skewed, "mixed": mixed, "adaptive": adaptive, "rare": rare, "speed": speed,
    "timing": timing,
}  # fmt: skip


def write(name: str, text: str) -> None:
    """Put a table between its marks on the page."""
    if not PAGE.exists():
        raise SystemExit(f"there is no {PAGE}")
    page, begin, end = PAGE.read_text("utf-8"), f"<!-- table:{name} -->", f"<!-- /table:{name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{PAGE} has no place for the table: {begin} ... {end}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few minutes: a twentieth of the worlds")
    parser.add_argument("--only", action="append", choices=TABLES, help="this table; may be given again")
    parser.add_argument("--write", action="store_true", help="rewrite the tables in docs/gate.md")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    bench = Bench(20 if options.quick else 1, options.processes)
    for name in options.only or TABLES:
        if name == "timing" and not TIMING.exists():
            print(f"timing: {TIMING.name} is not there", file=sys.stderr)
            continue
        text = TABLES[name](bench)
        print(f"\n{name}\n\n{text}\n", flush=True)
        if options.write:
            write(name, text)


if __name__ == "__main__":
    main()
