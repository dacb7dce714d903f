"""``selfproof publish``: show that a program improved, by how much and under which controls, without the program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import at_option, dump, json_option, visible
from selfproof.cli.ledger import shared, text_of
from selfproof.nouns import UsageError

EPILOG = """\b
Examples:
  selfproof publish --level evidence -o public/
  selfproof publish --check public/ --key VKEY     by anybody, with nothing else"""


@click.command(epilog=EPILOG)
@click.option("--level", type=click.Choice(("commitments", "evidence", "code")), help="What is shown; see below.")
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="A new folder.")
@click.option("--check", "checked", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Check one.")
@click.option("--key", metavar="FILE|VKEY", help="The log's key, as you got it from its owner.")
@at_option
@json_option
def command(
    level: str | None, out: Path | None, checked: Path | None, key: str | None, folder: Path, as_json: bool
) -> None:  # fmt: skip
    """Publish a ledger without its program, or check such a publication.

    commitments: verdicts, guards, controls, certificates, and a hash for every entry. evidence: also the recorded
    pairs, so that every bet is recomputed. code: everything. No code and no title is in the first two; names of
    objectives, metrics and timed functions are.
    """
    if checked is not None:
        if key is None:
            raise UsageError("--check needs --key", advice="Ask the owner for the log's key by another way.")
        _check(checked, text_of(key), as_json)
        return
    if level is None or out is None:
        raise UsageError("say --level and --out", advice="Or --check DIR --key VKEY.")
    from selfproof.reports.publishing import publish

    found = shared(folder)
    told = publish(found, level, out)
    if as_json:
        dump({**told, "folder": str(out), "root": found.signed.root.hex()})
        return
    click.echo(f"{told['shown']} of {told['entries']} entries are shown in {out}, all are bound by their hashes.")
    click.echo(f"Give readers this key some other way:\n  {found.log.vkey}")


def _check(folder: Path, key: str, as_json: bool) -> None:
    from selfproof.reports.checking import check

    found = check(folder, key)
    if as_json:
        dump(found.plain)
    else:
        _say(found)
    if found.wrong:
        sys.exit(4)


def _say(found: Any) -> None:
    for line in found.wrong:
        click.echo(f"NOT verified: {visible(line)}", err=True)
    if not found.wrong:
        click.echo(
            f"verified at level {found.level}: {found.shown} of {found.entries} entries shown, root {found.root}"
        )
    for what, count in found.checked.items():
        click.echo(f"  checked {count:>6}  {what}")
    for line in found.not_checked:
        click.echo(f"  not checked     {visible(line)}")
    for row in found.improvements:
        low, high = row["effect"].get("interval", (None, None))
        size = f"{row['effect'].get('value', 0):.4g} [{low:.4g}, {high:.4g}]" if low is not None else "not measured"
        click.echo(f"  version {row['version']}: {visible(row['claim'])}: {row['answer']}, effect {size}")
