"""``selfproof note``: write something into the ledger, for the record."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option


@click.command(epilog='\b\nExample:\n  selfproof note "looked at versions 3 to 7 with the safety team"')
@click.argument("words")
@click.option("--by", default=getpass.getuser, show_default="your account", help="Whose words these are.")
@at_option
@json_option
def command(words: str, by: str, folder: Path, as_json: bool) -> None:
    """Write WORDS into the ledger, whether or not a run is going on. Nothing else follows from them."""
    from selfproof.submitting import submit

    number = submit(folder, "note", {"by": by, "words": words})
    if as_json:
        dump({"entry": number})
    else:
        click.echo(f"entry {number}: {words!r}")
