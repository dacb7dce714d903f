"""``selfproof verify``: recompute every decision from the ledger alone."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError
from selfproof.places import Paths


@click.command(epilog="\b\nExample:\n  selfproof verify --json")
@at_option
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path, as_json: bool) -> None:
    """Check hashes and signatures, then recompute every decision. Exit code 4 names the first bad entry."""
    from selfproof.audit import audit

    paths = Paths(folder)
    if not paths.ledger.is_dir():
        raise UsageError(
            f"there is no ledger at {paths.ledger}", advice="Go to a program's folder, or name it with --at."
        )
    result = audit(paths.ledger)
    if as_json:
        dump(result)
    elif result["ok"]:
        click.echo(f"verified: {result['entries']} entries, root {result['root']}")
        if tail := result["unsigned_tail"]:
            click.echo(f"  the last {tail} are not under a signed checkpoint yet (the run was cut off)")
    else:
        bad = result["first_bad"]
        click.echo(f"NOT verified: entry {bad['index']} ({bad['kind']}): {bad['reason']}", err=True)
        click.echo("  Everything from this entry on is not to be relied on. Restore the ledger from a copy.", err=True)
    ctx.exit(0 if result["ok"] else 4)
