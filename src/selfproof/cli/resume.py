"""``selfproof resume``: take a stop back."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.cli.common import at_option, dump, json_option
from selfproof.places import Paths


@click.command(epilog="\b\nExample:\n  selfproof resume && selfproof run")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Allow a stopped program to run again."""
    paths = Paths(folder)
    charters.load(paths.charter)
    was = paths.stop.exists()
    paths.stop.unlink(missing_ok=True)
    if as_json:
        dump({"stopped": False, "was_stopped": was})
    else:
        click.echo("it may run again: selfproof run" if was else "it was not stopped")
