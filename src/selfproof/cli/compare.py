"""``selfproof compare``: two versions on the same samples."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option

EPILOG = """\b
Examples:
  selfproof compare start now --on report
  selfproof compare 2 now --on my-text.txt --json"""


@click.command(epilog=EPILOG)
@click.argument("a")
@click.argument("b")
@click.option("--on", required=True, metavar="SPLIT|FILE", help="explore, confirm, report, or a text file of your own.")
@click.option("--objective", "name", help="Which objective; the first one by default.")
@click.option("--seed", type=click.IntRange(0), help="Draw the same samples again.")
@at_option
@json_option
def command(a: str, b: str, on: str, name: str | None, seed: int | None, folder: Path, as_json: bool) -> None:
    """Compare versions A and B (start, now, anchor, a number or a commit): paired, with a 95% interval."""
    import secrets

    from selfproof import life as lives
    from selfproof.compare import compare, files_of

    on = on if on in {"explore", "confirm", "report"} else str(Path(on))
    with lives.viewed(folder) as life:
        objective = life.charter.objective(name) if name else life.charter.objectives[0]
        drawn = secrets.randbits(63) if seed is None else seed
        row = compare(life, files_of(life, a), files_of(life, b), objective, on, drawn)
    if as_json:
        dump({**row, "seed": drawn})
        return
    low, high = row["interval"]
    click.echo(f"{row['objective']} on {on}: {row['metric']}, {row['better_is']} is better")
    click.echo(f"  {a:<8} {row['a']:.4f}\n  {b:<8} {row['b']:.4f}")
    click.echo(f"  difference {row['difference']:+.4f}, 95% interval [{low:+.4f}, {high:+.4f}], paired")
    names = {"a": f"{a} is better", "b": f"{b} is better", "neither": "no difference shown"}
    click.echo(f"  {names[row['better']]}")
