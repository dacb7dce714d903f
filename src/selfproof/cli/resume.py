"""``selfproof resume``: lift a halt, or end a pause."""

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
    """Allow a stopped program to run again, and a paused or draining one to go on.

    Where the charter names approvers, a halt is lifted by their signatures: `selfproof approve resume`. A pause needs
    none.
    """
    from selfproof.oversight import control, halting

    paths = Paths(folder)
    charters.load(paths.charter)
    held = control.go_on(paths)
    lifted = None if control.engine(paths) is not None else halting.resume(paths, control.account())
    row = {"stopped": False, "was_stopped": lifted is not None, "was_paused": held}
    if as_json:
        dump(row | ({"by": lifted["by"], "authority": lifted["authority"]} if lifted else {}))
    elif lifted is not None:
        click.echo(f"{lifted['by']} ({lifted['authority']}): it may run again: selfproof run")
    else:
        click.echo("it goes on" if held else "it was not stopped")
