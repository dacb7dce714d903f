"""``selfproof rebuild``: a program's folder from its ledger and blobs alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError


@click.command(epilog="\b\nExamples:\n  selfproof rebuild again\n  selfproof rebuild again --bundle DIR")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@at_option
@click.option("--bundle", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
              help="From this bundle, in place of a program's ledger.")  # fmt: skip
@json_option
def command(out: Path, folder: Path, bundle: Path | None, as_json: bool) -> None:
    """Verify the ledger, then write what it says into OUT, a new folder: program, repository, charter, archive."""
    from selfproof.audit import audit
    from selfproof.audit.rebuilding import rebuild
    from selfproof.cli.verify import ledger_of
    from selfproof.ledger import LedgerBroken

    with ledger_of(folder, bundle) as (ledger, _):
        found = audit(ledger)
        if bad := found["first_bad"]:
            raise LedgerBroken(bad["index"], bad["kind"], bad["reason"])
        try:
            told = rebuild(ledger, out)
        except OSError as error:
            many = isinstance(error, shutil.Error)  # each file that could not be copied, with why
            reason = error.args[0][0][2] if many else error.strerror or error
            advice = "What is there of it is of no use: remove it, make room, type the command again."
            raise UsageError(f"cannot write to {out}: {str(reason)[:200]}", advice=advice) from None
    if as_json:
        dump(told)
        return
    click.echo(f"{told['folder']}: version {told['version']}, tree {told['tree']}")
    click.echo(f"  {told['commits']} commits, {sum(told['archive'].values())} candidates, {told['entries']} entries")
    missing = "its log's key" + (", the open epoch's key" if told["missing"]["open_epoch"] else "")
    click.echo(f"  not in any ledger: {missing}, and the tasks; put these there (SHA-256) before you compare:")
    for path, digest in told["missing"]["tasks"].items():
        click.echo(f"    {digest}  {path}")
