"""``selfproof bench``: parts of the engine against each other, where the truth is known."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from selfproof.cli.common import dump, json_option
from selfproof.cli.simulate import progress_line
from selfproof.nouns import UsageError

STRATEGIES_EPILOG = """\b
Examples:
  selfproof bench strategies
  selfproof bench strategies --only dgm --only hgm --world deceptive --seeds 100
  selfproof bench strategies --budget 3000 --json
  selfproof bench strategies --on apprentice --only hgm --candidates 300"""


@click.group(epilog="\b\nExamples:\n  selfproof bench strategies --only hgm --only thompson")
def command() -> None:
    """Parts of the engine against each other, where the truth is known."""


@command.command(epilog=STRATEGIES_EPILOG)
@click.option("--on", "where", type=click.Choice(["worlds", "apprentice"]), default="worlds", show_default=True,
              help="Simulated worlds, or the apprentice's memory in the jail.")  # fmt: skip
@click.option("--budget", type=click.IntRange(10, 1_000_000), help="Task runs in each world.  [default: 1000]")
@click.option("--candidates", type=click.IntRange(1, 100_000), help="Candidates of each search on the apprentice.  "
              "[default: 600]")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 100_000),
              help="Worlds of each kind, or searches.  [default: 20 worlds, 3 searches]")  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME",
              help="A strategy to compare with the default; may be given again. All by default.")  # fmt: skip
@click.option("--world", "worlds", multiple=True, metavar="NAME",
              help="fertile, deceptive, plain or flat; may be given again. All by default.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other worlds, other searches.")
@json_option
def strategies(where: str, **options: Any) -> None:
    """Search strategies at equal budgets: the true score of what each would hand over in the end.

    Worlds are trees whose nodes' true scores are known; strategies see passes and failures. All meet the same worlds.
    Intervals are 95% bootstrap intervals over worlds, for one strategy in one world at a time.

    With --on apprentice each strategy searches the apprentice's memory with as many candidates, in the jail, and what
    it holds to be the best is measured on text that no search saw. Intervals are Student's over searches.
    """
    wrong = ["budget", "worlds"] if where == "apprentice" else ["candidates"]
    if given := [name for name in wrong if options[name]]:
        option = {"worlds": "world"}.get(given[0], given[0])
        raise UsageError(f"--{option} does not go with --on {where}", advice="See selfproof bench strategies --help.")
    if where == "apprentice":
        _on_apprentice(**options)
    else:
        _in_worlds(**options)


def _in_worlds(*, budget: int | None, seeds: int | None, only: tuple[str, ...], worlds: tuple[str, ...], seed: int,
               as_json: bool, candidates: None) -> None:  # fmt: skip
    from selfproof.archive.strategies import NAMES
    from selfproof.simulate.searching import Contest, hold
    from selfproof.simulate.trees import WORLDS

    del candidates
    contest = Contest(only or NAMES, worlds or tuple(WORLDS), budget or 1000, seeds or 20, seed)
    show = progress_line(sys.stderr.isatty(), "searches")
    rows = []
    try:
        for row in hold(contest, progress=show):
            rows.append(row)
            if not as_json:
                show(-1, -1)
                _show(row, contest.budget, contest.seeds)
    finally:
        show(-1, -1)
    if as_json:
        dump({"budget": contest.budget, "seeds": contest.seeds, "seed": contest.seed, "worlds": rows})


def _on_apprentice(*, candidates: int | None, seeds: int | None, only: tuple[str, ...], seed: int, as_json: bool,
                   budget: None, worlds: tuple[str, ...]) -> None:  # fmt: skip
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before numpy: the cores belong to the jailed workers
    from selfproof.archive.strategies import NAMES
    from selfproof.simulate.apprentices import Contest, hold

    del budget, worlds
    contest = Contest(only or NAMES, candidates or 600, seeds or 3, seed)
    show = progress_line(sys.stderr.isatty(), "searches")
    try:
        rows = list(hold(contest, progress=show))
    finally:
        show(-1, -1)
    if as_json:
        dump({"on": "apprentice", "candidates": contest.candidates, "seeds": contest.seeds, "seed": contest.seed,
              "strategies": rows})  # fmt: skip
        return
    few = "; so few show large differences only" if contest.seeds < 20 else ""
    click.echo(f"the apprentice's memory: n = {contest.seeds} searches of {contest.candidates} candidates each; "
               f"bits per character on unseen text, lower is better{few}")  # fmt: skip
    click.echo(f"  {'strategy':<15} {'output':<24} {'better than default by':<26} {'claimed':>7} {'tried':>6}")
    for one in sorted(rows, key=lambda row: row["true"]["mean"]):
        difference = "" if one["difference"] is None else _number(one["difference"], "+.3f")
        click.echo(f"  {one['strategy']:<15} {_number(one['true'], '.3f'):<24} {difference:<26} "
                   f"{one['claimed']:>7.3f} {one['candidates']:>6.0f}")  # fmt: skip


def _show(row: dict[str, Any], budget: int, seeds: int) -> None:
    """One kind of world for people: best output first."""
    click.echo(f"world {row['world']}: {seeds} worlds, {budget} task runs in each; true scores")
    click.echo(f"  {'strategy':<15} {'output':<22} {'minus default':<24} {'claimed':>7} {'best made':>9} {'nodes':>6}")
    for one in sorted(row["strategies"], key=lambda r: -r["true"]["mean"]):
        difference = "" if one["difference"] is None else _number(one["difference"], "+.3f")
        click.echo(
            f"  {one['strategy']:<15} {_number(one['true'], '.3f'):<22} {difference:<24} "
            f"{one['claimed']:>7.3f} {one['best']:>9.3f} {one['nodes']:>6.0f}"
        )


def _number(value: dict[str, Any], form: str) -> str:
    low_high = value["interval"]
    return format(value["mean"], form) + (f" [{low_high[0]:{form}}, {low_high[1]:{form}}]" if low_high else "")
