"""``selfproof drain``: end a run when what is open is done."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError
from selfproof.places import Paths


@click.command(epilog="\b\nExample:\n  selfproof drain --at my-program")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Let a run finish the confirmation and the watch that are open, propose nothing new, and end with exit code 0."""
    from selfproof.oversight import control

    paths = Paths(folder)
    charters.load(paths.charter)
    if control.engine(paths) is None:
        raise UsageError("no run is going on", advice="To keep a program from running: selfproof stop")
    control.drain(paths, control.account())
    if as_json:
        dump({"draining": True})
    else:
        click.echo("it finishes what is open, measures the closing table, and ends")
