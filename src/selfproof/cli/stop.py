"""``selfproof stop``: stop a running program and keep it stopped."""

from __future__ import annotations

import time
from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.cli.common import at_option, dump, invocation, json_option
from selfproof.nouns import SelfproofError
from selfproof.places import Paths

PATIENCE_S = 15.0


@click.command(epilog='\b\nExamples:\n  selfproof stop --at my-program\n  selfproof stop --reason "it costs too much"')
@click.option("--reason", default="", help="For the ledger.")
@at_option
@json_option
def command(folder: Path, reason: str, as_json: bool) -> None:
    """Stop a running program within two seconds; it stays stopped until `selfproof resume`. Anyone may stop.

    A run that does not end by itself within a second is ended by its watcher, with all that it started.
    """
    from selfproof.oversight import control, halting
    from selfproof.oversight.stop import order

    paths = Paths(folder)
    charters.load(paths.charter)
    running, began = control.engine(paths), time.monotonic()
    order(paths, control.account(), reason)
    while (going := control.engine(paths) is not None) and time.monotonic() - began < PATIENCE_S:
        time.sleep(0.02)
    seconds = round(time.monotonic() - began, 2)
    logged = not going and paths.ledger.exists() and halting.settle(paths)
    row = {"stopped": True, "file": str(paths.stop), "was_running": running is not None, "running": going,
           "seconds": seconds, "logged": logged}  # fmt: skip
    if as_json:
        dump(row)
    elif running is None:
        click.echo("no run is going on, and none may start")
    elif not going:
        click.echo(f"the run is over, after {seconds:.1f} s; none may start")
    if going:
        raise SelfproofError(
            f"process {running} is still there after {seconds:.0f} s", advice=f"kill -9 {running}; the order stands."
        )
    if not as_json:
        click.echo(f"To go on: {invocation('resume', folder)}")
