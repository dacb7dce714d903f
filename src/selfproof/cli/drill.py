"""``selfproof drill``: try the rollback itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option


@click.command(epilog="\b\nExamples:\n  selfproof drill\n  selfproof drill --json")
@at_option
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Try the rollback itself, in a scratch copy: does a change that turns out worse leave, and leave nothing behind?

    The result goes into the program's ledger. Exit code 4 if a promise does not hold.
    """
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
