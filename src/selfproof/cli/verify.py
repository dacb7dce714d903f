"""``selfproof verify``: recompute every decision from the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError
from selfproof.places import Paths


@click.command(epilog="\b\nExamples:\n  selfproof verify --json\n  selfproof verify --against checkpoint-of-last-month")
@at_option
@click.option("--against", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
              help="A checkpoint that you kept, or that a witness has: the ledger must extend it.")  # fmt: skip
@click.option("--witness", "witnesses", multiple=True, metavar="FILE|VKEY", help="A witness that must have cosigned.")
@json_option
@click.pass_context
def command(ctx: click.Context, folder: Path, against: Path | None, witnesses: tuple[str, ...], as_json: bool) -> None:
    """Check hashes and signatures, then recompute every decision. Exit code 4 names the first bad entry."""
    from selfproof.audit import audit

    paths = Paths(folder)
    if not paths.ledger.is_dir():
        raise UsageError(
            f"there is no ledger at {paths.ledger}", advice="Go to a program's folder, or name it with --at."
        )
    result = audit(paths.ledger)
    if result["ok"]:
        result |= _compared(paths, against, witnesses)
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
    for seen in () if as_json else result.get("seen", ()):
        by = f", cosigned by {', '.join(seen['names'])}" if seen["names"] else ""
        click.echo(f"  it extends {seen['from']} ({seen['entries']} entries{by})")
    ctx.exit(0 if result["ok"] else 4)


def _compared(paths: Paths, against: Path | None, witnesses: Sequence[str]) -> dict[str, Any]:
    """What the ledger was compared with: a checkpoint that was given, and the one that witnesses cosigned.

    Raises:
        HistoryDiffers: it does not extend one of them, or a witness that must have cosigned one has not.
        UsageError: a witness's key cannot be read.
    """
    notes = [place for place in (against, paths.witnessed) if place is not None and place.is_file()]
    if not notes and not witnesses:
        return {}
    from selfproof.audit.sharing import HistoryDiffers, Shared
    from selfproof.cli.ledger import cosigners_of

    shared, seen, keys = Shared(paths.ledger), [], cosigners_of(witnesses)
    signed: set[str] = set()
    for place in notes:
        checkpoint, by = shared.against(place.read_bytes(), str(place), keys)
        signed |= set(by)
        names = [one.name for one in keys if one.vkey in by]
        seen.append({"from": str(place), "entries": checkpoint.size, "names": names})
    if missing := [one.name for one in keys if one.vkey not in signed]:
        raise HistoryDiffers(
            f"no checkpoint here is cosigned by {', '.join(missing)}", advice="Ask it: `selfproof witness ask`."
        )
    return {"seen": seen}
