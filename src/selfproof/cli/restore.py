"""``selfproof restore``: a program from a backup, verified before anything is put in place."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import dump, invocation, json_option

EPILOG = """\b
Examples:
  selfproof restore /mnt/backups/monday.selfproof here/again
  selfproof restore monday.selfproof again --against checkpoint-of-tuesday"""


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FROM", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("out", metavar="TO", type=click.Path(path_type=Path))
@click.option("--against", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
              help="A checkpoint that you kept: the backup must hold all that it says.")  # fmt: skip
@click.option("--another", is_flag=True, help="Although the place it was taken from, on this machine, could go on too.")
@json_option
def command(file: Path, out: Path, against: Path | None, another: bool, as_json: bool) -> None:
    """Put the program of a backup into TO, a new folder. Exit code 4 if it does not verify, or a witness saw more."""
    from selfproof.keeping.restoring import restore
    from selfproof.oversight.control import account

    told = restore(file, out, against=against, by=account(), another=another)
    if as_json:
        dump(told)
        return
    click.echo(
        f"{told['folder']}: verified, version {told['version']}, {told['entries']} entries, {told['commits']} commits"
    )
    if not told["can_sign"]:
        click.echo("  without its key: to look at and to verify; it cannot go on")
        return
    unsure = [row["name"] for row in told["witnesses"] if row["entries"] is None]
    if not told["moved"] and (unsure or not told["witnesses"]):
        who = f"could not be asked: {', '.join(unsure)}" if unsure else "its charter names no witness"
        click.secho(
            f"  Nobody could say whether it went on after {told['made'][:16]} UTC ({who}). If it lives elsewhere too, "
            "delete this copy: two that sign are two histories.", fg="yellow", err=True,
        )  # fmt: skip
    click.echo(f"  next: {invocation('run', out)}")
