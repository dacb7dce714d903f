"""``selfproof archive``: the database that several programs and engines share."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option

EPILOG = """\b
Examples:
  selfproof archive check                                        the charter's
  selfproof archive check postgresql://selfproof@db/selfproof
  selfproof archive forget old-program --archive postgresql://selfproof@db/selfproof"""
PASSWORD = click.option("--password-env", default="", metavar="NAME", help="Environment variable with the password.")


@click.group(epilog=EPILOG)
def command() -> None:
    """An archive on PostgreSQL: who uses it, and how they stand by their own word (docs/archive.md)."""


@command.command(epilog="\b\nExample:\n  selfproof archive check postgresql://selfproof@db/selfproof --json")
@click.argument("url", required=False)
@PASSWORD
@at_option
@json_option
def check(url: str | None, password_env: str, folder: Path, as_json: bool) -> None:
    """Try the connection to URL (the charter's without it) and list who uses the archive. Exit 1: not reached."""
    from selfproof.archive.connecting import shown
    from selfproof.archive.fleet import members

    place, name = wanted(url, password_env, folder)
    found = members(place, name)
    if as_json:
        dump({
            "archive": shown(place),
            "programs": [
                {"program": one.program, "name": one.name, "state": one.state, "entries": one.entries,
                 "candidates": one.candidates, "certified": one.standing.certified, "version": one.standing.version,
                 "waiting": one.standing.waiting, "host": one.standing.host,
                 "seen": None if one.seen is None else one.seen.isoformat()}
                for one in found
            ],
        })  # fmt: skip
        return
    click.echo(
        f"{shown(place)} answers: {len(found)} programs. What follows is their word; their ledgers are the proof."
    )
    for one in found:
        when = f", heard of {one.seen:%Y-%m-%d %H:%M:%S %Z}" if one.seen is not None else ""
        where = f" on {one.standing.host}" if one.standing.host else ""
        click.echo(f"  {one.program[:12]}  {one.name}{where}: {one.state}{when}")
        click.echo(
            f"    {one.standing.certified} certified, {one.candidates} candidates, {one.entries} entries taken in"
        )


@command.command(epilog="\b\nExample:\n  selfproof archive forget 3f9a12c0d4e5")
@click.argument("program")
@click.option("--archive", "url", metavar="URL", help="Where.  [default: the charter's]")
@PASSWORD
@at_option
@json_option
def forget(program: str, url: str | None, password_env: str, folder: Path, as_json: bool) -> None:
    """Take a PROGRAM's rows out (its name, or the start of its id). Its next run would refill them from its ledger."""
    from selfproof.archive.fleet import forget as gone

    place, name = wanted(url, password_env, folder)
    count = gone(place, program, name)
    if as_json:
        dump({"forgotten": program, "candidates": count})
    else:
        click.echo(f"forgot {program}: {count} candidates. Nothing of its own folder or ledger was touched.")


def wanted(url: str | None, password_env: str, folder: Path) -> tuple[str, str]:
    """The archive that is meant, and where its password is.

    Raises:
        UsageError: none was named, and the charter has none; or it is no address.
    """
    from selfproof import charter
    from selfproof.charter.archiving import LOCAL, url_fault
    from selfproof.nouns import UsageError
    from selfproof.places import Paths

    if url is None:
        named = charter.load(Paths(folder).charter).archive
        url, password_env = named.url, password_env or named.password_env
    if url == LOCAL:
        raise UsageError("this program's archive is in its own folder", advice="Give a URL: postgresql://USER@HOST/DB")
    if wrong := url_fault(url):
        raise UsageError(f"archive: {wrong}", advice="For instance postgresql://selfproof@db.example/selfproof")
    return url, password_env
