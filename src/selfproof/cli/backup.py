"""``selfproof backup``: one file with all of a program, made while it may be running."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import at_option, dump, invocation, json_option

EPILOG = """\b
Examples:
  selfproof backup /mnt/backups/monday.selfproof --with-key
  selfproof backup for-safekeeping.selfproof           without the key that signs"""


@click.command(epilog=EPILOG)
@click.argument("out", metavar="TO", type=click.Path(path_type=Path))
@click.option("--with-key", is_flag=True, help="With the key that signs: only such a program can go on.")
@at_option
@json_option
def command(out: Path, with_key: bool, folder: Path, as_json: bool) -> None:
    """Write the program into TO, a new file: ledger, tasks, charter. A run that is going on goes on meanwhile.

    Without --with-key what is restored can be verified, looked at and rebuilt, and cannot go on.
    """
    from selfproof.keeping import backup

    told = backup.write(folder, out, with_key=with_key)
    if as_json:
        dump(told)
        return
    said(told)
    if not with_key:
        again = invocation(f"backup {out} --with-key", folder)
        click.echo(f"  without its key: it can be verified, and not go on. To go on from it: {again}")


def said(told: dict[str, Any]) -> None:
    """Say what a backup holds."""
    click.echo(f"{told['file']}: {told['entries']} entries, version {told['version']}, {told['bytes'] / 1e6:.2f} MB")
    if told["with_key"]:
        click.secho(
            "  IT HOLDS THE KEY THAT SIGNS, and hidden answers. Whoever reads this file can sign as this program.",
            fg="red", err=True,
        )  # fmt: skip
