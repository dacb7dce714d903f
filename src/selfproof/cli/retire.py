"""``selfproof retire``: a version that must not run again."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, dump, json_option
from selfproof.nouns import UsageError


@click.command(epilog='\b\nExample:\n  selfproof retire v2 --reason "reads files that it need not read"')
@click.argument("version")
@click.option("--reason", required=True, help="For the ledger.")
@click.option("--by", default=getpass.getuser, show_default="your account", help="Who says so.")
@at_option
@json_option
def command(version: str, reason: str, by: str, folder: Path, as_json: bool) -> None:
    """Retire VERSION for good: no rollback leads there any more. The one that runs cannot be retired."""
    from selfproof.submitting import submit

    state, number = Seen(folder).state, version.removeprefix("v")
    if not number.isdecimal() or int(number) >= len(state.versions):
        raise UsageError(f"no version is called {version!r}", advice="`selfproof versions` lists them.")
    if int(number) == state.current:
        raise UsageError(f"version {number} is the program now", advice="Go back to an earlier one first: rollback.")
    entry = submit(folder, "retire", {"version": int(number), "reason": reason, "by": by})
    if as_json:
        dump({"entry": entry, "version": int(number), "state": "retired"})
    else:
        click.echo(f"entry {entry}: version {number} is retired, and never runs again")
