"""``selfproof move``: take a program to another machine, so that it lives once."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError

EPILOG = """\b
Examples:
  selfproof move house.selfproof        here: write it, and retire this place
  selfproof restore house.selfproof DIR      there, with the file
  selfproof move --back                 it stays here after all"""


@click.command(epilog=EPILOG)
@click.argument("out", metavar="[TO]", required=False, type=click.Path(path_type=Path))
@click.option("--back", is_flag=True, help="The backup was never restored, nor ever will be: live on here.")
@at_option
@json_option
def command(out: Path | None, back: bool, folder: Path, as_json: bool) -> None:
    """Write the program with its key into TO, a new file, and retire this place. Not while a run is going on."""
    from selfproof.keeping import moving
    from selfproof.oversight.control import account

    if (out is None) == (not back):
        raise UsageError("name the file to write, or --back", advice="selfproof move --help has examples.")
    if out is None:
        entry = moving.back(folder, account())
        if as_json:
            dump({"entry": entry})
        else:
            click.echo(f"it lives here, entry {entry} says so. Delete the backup that it was to move with.")
        return
    told = moving.move(folder, out, account())
    if as_json:
        dump(told)
        return
    from selfproof.cli.backup import said

    said(told)
    click.echo("  this place is retired. On the other machine: selfproof restore FILE DIR")
    click.echo("  once it runs there, delete this folder and the file")
