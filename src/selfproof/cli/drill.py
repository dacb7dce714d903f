"""``selfproof drill``: try the rollback, and with --all every tripwire and every stop."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option, visible

EPILOG = "\b\nExamples:\n  selfproof drill\n  selfproof drill --all\n  selfproof drill --json"


@click.command(epilog=EPILOG)
@click.option("--all", "all_of_them", is_flag=True, help="Every tripwire and every way to stop too: minutes.")
@at_option
@json_option
@click.pass_context
def command(ctx: click.Context, all_of_them: bool, folder: Path, as_json: bool) -> None:
    """Try the rollback itself, in a scratch copy: does a change that turns out worse leave, and leave nothing behind?

    With --all real faults are injected in scratch programs for every tripwire and every way to stop. The result goes
    into the program's ledger. Exit code 4 if a promise does not hold.
    """
    if all_of_them:
        ctx.exit(0 if _all(folder, as_json) else 4)
    from selfproof.drill import drill, record

    steps = drill(folder)
    record(folder, steps)
    passed = all(step.held for step in steps)
    if as_json:
        dump({"passed": passed, "steps": [asdict(step) for step in steps]})
    else:
        for step in steps:
            click.secho(f"{'✓' if step.held else '✗'} {step.promise}", fg="green" if step.held else "red")
    ctx.exit(0 if passed else 4)


def _all(folder: Path, as_json: bool) -> bool:
    """Print the table line by line as it comes, and write it down; whether everything held."""
    from selfproof.drill.every import every, record

    rows = []
    for row in every(folder):
        rows.append(row)
        if not as_json:
            sign = click.style("✓" if row.held else "✗", fg="green" if row.held else "red")
            click.echo(f"{sign} {row.name:<19} {row.injected:<49} {row.must}  ({row.seconds:.1f} s)")
            if row.note:
                click.echo(f"  {visible(row.note)}")
    record(folder, rows)
    passed = all(row.held for row in rows)
    if as_json:
        dump({"passed": passed, "rows": [asdict(row) for row in rows]})
    else:
        click.echo(f"{sum(row.held for row in rows)} of {len(rows)} held")
    return passed
