"""``selfproof simulate``: the real gate in a world whose truth is known."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import dump, json_option

EPILOG = """\b
Examples:
  selfproof simulate --world null --gate greedy
  selfproof simulate --world mixed --gate race --family H --candidates 1000 --worlds 50
  selfproof simulate --world null --player resubmits
  selfproof simulate --world my-world.toml --json"""


@click.command(epilog=EPILOG)
@click.option("--world", "name", default="mixed", show_default=True, metavar="NAME|FILE",
              help="null, mixed, heavy, skewed, drift, rare-loss, or a TOML file of your own.")  # fmt: skip
@click.option("--gate", default="race", show_default=True, metavar="NAME",
              help="race, race-fdr, race-unspent, bet, greedy, greedy5, ttest, ttest-peek, ttest-spend "
              "or sgm.")  # fmt: skip
@click.option("--family", default="S", show_default=True, metavar="B|S|H",
              help="Noise: pass or fail (B), a dense score (S), timings with heavy tails (H).")  # fmt: skip
@click.option("--preset", default="lean", show_default=True, metavar="NAME", help="The race: lean, mid or balanced.")
@click.option("--cached", is_flag=True, help="The incumbent's runs on the race panel are kept: a race pair is one run.")
@click.option("--player", metavar="NAME", help="Who proposes: resubmits, watches, copies, switches, kills, abandons "
              "or grinds; by default candidates come by chance.")  # fmt: skip
@click.option("--block", type=click.IntRange(1, 4096), default=256, show_default=True,
              help="Draws in a pair, in the skewed worlds.")  # fmt: skip
@click.option(
    "--second-bet/--no-second-bet", default=True, help="Whether the skewed worlds ask for the bet on the mean."
)
@click.option("--candidates", type=click.IntRange(1, 1_000_000), default=1000, show_default=True,
              help="Candidates in each world.")  # fmt: skip
@click.option("--worlds", type=click.IntRange(1, 1_000_000), default=40, show_default=True, help="How many worlds.")
@click.option("--seed", type=click.IntRange(0), help="Simulate the same again.")
@json_option
def command(**options: Any) -> None:
    """What a gate adopts where the truth is known: how much of it is real, and what a true gain costs in runs.

    Nothing is run but the gate itself, so that it costs nothing. With --json the counts `adopted`, `true` and
    `harmful` are totals over all worlds.
    """
    import secrets

    from selfproof.simulate.runner import report, simulate

    plan = _plan(options, secrets.randbits(32) if options["seed"] is None else options["seed"])
    show = progress_line(sys.stderr.isatty(), "worlds")
    try:
        tallies = simulate(plan, progress=show)
    finally:
        show(-1, -1)
    row = report(plan, tallies)
    if options["as_json"]:
        dump(row)
    else:
        _show(row)


def _plan(options: dict[str, Any], seed: int) -> Any:
    """What was asked for; each wrong name is an error of usage."""
    from selfproof.nouns import UsageError
    from selfproof.simulate import files, worlds
    from selfproof.simulate.gates import maker
    from selfproof.simulate.players import PLAYERS
    from selfproof.simulate.runner import Plan

    name, player = options["name"], options["player"]
    if name.endswith(".toml") or "/" in name:
        world = files.load(Path(name))
    else:
        world = worlds.named(name, options["family"], block=options["block"], second_bet=options["second_bet"])
    maker(options["gate"], options["preset"], cached=options["cached"])
    if player is not None and player not in PLAYERS:
        raise UsageError(f"no player is called {player!r}", advice=f"Players: {', '.join(PLAYERS)}.")
    if player is not None and options["gate"] not in {"race", "race-unspent"}:
        raise UsageError("a player plays against the gate race or race-unspent", advice="Leave --gate out.")
    return Plan(world, options["gate"], options["candidates"], options["worlds"], seed, options["preset"],
                options["cached"], player)  # fmt: skip


def progress_line(terminal: bool, what: str) -> Callable[[int, int], None]:
    """A line on standard error once a simulation has taken a second, wiped at the end; nothing off a terminal."""
    began, shown = time.monotonic(), [0.0]

    def show(done: int, total: int) -> None:
        now = time.monotonic()
        if total < 0 and shown[0]:
            click.echo("\r\033[K", nl=False, err=True)
        elif terminal and total > 0 and now - began > 1 and now - shown[0] > 0.2:
            shown[0] = now
            left = (now - began) / done * (total - done)
            click.echo(f"\r\033[K{done} of {total} {what}, about {left:.0f} s to go", nl=False, err=True)

    return show


def _show(row: dict[str, Any]) -> None:
    """The same for people."""
    false, worlds = row["any_false"], row["worlds"]
    how = f"{row['gate']} ({row['preset']}{', cached' if row['cached'] else ''})" if _is_race(row) else row["gate"]
    who = f", proposed by a player that {row['player']}" if row["player"] else ""
    click.echo(f"world {row['world']}, gate {how}: {worlds} worlds of {row['candidates']} candidates{who}")
    lines = [
        ("anything false was adopted", f"in {false['rate']:.1%} of the worlds, at most {false['upper95']:.1%} (95%)"),
        ("adopted in a world", f"{row['adopted'] / worlds:.2f}, of which {row['true'] / worlds:.2f} are better "
                               f"and {row['harmful'] / worlds:.2f} harmful"),
        ("runs in a world", f"{row['runs'] / worlds:,.0f}"),
        ("runs per true adoption", _with_interval(row, "runs_per_true_adoption", ",.0f")),
        ("gain per 10,000 runs", _with_interval(row, "gain_per_10k_runs", ".2f")),
        ("effects of .4 or more found", "-" if row["power"] is None else f"{row['power']:.0%}"),
    ]  # fmt: skip
    for label, text in lines:
        click.echo(f"  {label:<28} {text}")
    click.echo(f"  again: --seed {row['seed']}")


def _is_race(row: dict[str, Any]) -> bool:
    return str(row["gate"]).startswith("race")


def _with_interval(row: dict[str, Any], key: str, form: str) -> str:
    if row[key] is None:
        return "-"
    interval = row["intervals"][key]
    return format(row[key], form) + (f" [{interval[0]:{form}}, {interval[1]:{form}}]" if interval else "")
