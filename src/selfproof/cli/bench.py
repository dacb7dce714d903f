"""``selfproof bench``: parts of the engine against each other, where the truth is known."""

from __future__ import annotations

import sys
from typing import Any

import click

from selfproof.cli.common import dump, json_option
from selfproof.cli.simulate import progress_line

STRATEGIES_EPILOG = """\b
Examples:
  selfproof bench strategies
  selfproof bench strategies --only dgm --only hgm --world deceptive --seeds 100
  selfproof bench strategies --budget 3000 --json"""


@click.group(epilog="\b\nExamples:\n  selfproof bench strategies --only hgm --only thompson")
def command() -> None:
    """Parts of the engine against each other, where the truth is known."""


@command.command(epilog=STRATEGIES_EPILOG)
@click.option("--budget", type=click.IntRange(10, 1_000_000), default=1000, show_default=True,
              help="Task runs in each world.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Worlds of each kind.")
@click.option("--only", multiple=True, metavar="NAME",
              help="A strategy to compare with the default; may be given again. All by default.")  # fmt: skip
@click.option("--world", "worlds", multiple=True, metavar="NAME",
              help="fertile, deceptive, plain or flat; may be given again. All by default.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other worlds.")
@json_option
def strategies(**options: Any) -> None:
    """Search strategies at equal budgets: the true score of the node that each would hand over in the end.

    Worlds are trees whose nodes' true scores are known; strategies see passes and failures. All meet the same worlds.
    Intervals are 95% bootstrap intervals over worlds, for one strategy in one world at a time.
    """
    from selfproof.archive.strategies import NAMES
    from selfproof.simulate.searching import Contest, hold
    from selfproof.simulate.trees import WORLDS

    contest = Contest(options["only"] or NAMES, options["worlds"] or tuple(WORLDS),
                      options["budget"], options["seeds"], options["seed"])  # fmt: skip
    show = progress_line(sys.stderr.isatty(), "searches")
    rows = []
    try:
        for row in hold(contest, progress=show):
            rows.append(row)
            if not options["as_json"]:
                show(-1, -1)
                _show(row, contest.budget, contest.seeds)
    finally:
        show(-1, -1)
    if options["as_json"]:
        dump({"budget": contest.budget, "seeds": contest.seeds, "seed": contest.seed, "worlds": rows})


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
