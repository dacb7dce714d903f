"""``selfproof pause``: hold a run without ending it."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.cli.common import at_option, dump, json_option
from selfproof.places import Paths


@click.command(epilog="\b\nExample:\n  selfproof pause --reason 'the machine is needed' && selfproof resume")
@click.option("--reason", default="", help="For the ledger.")
@at_option
@json_option
def command(folder: Path, reason: str, as_json: bool) -> None:
    """Let a run finish its current step and start nothing until `selfproof resume`; that time does not count."""
    from selfproof.oversight import control

    paths = Paths(folder)
    charters.load(paths.charter)
    control.pause(paths, control.account(), reason)
    running = control.engine(paths) is not None
    if as_json:
        dump({"paused": True, "was_running": running})
    else:
        click.echo("it holds after its current step" if running else "no run is going on; the next one waits")
        click.echo("To go on: selfproof resume")
