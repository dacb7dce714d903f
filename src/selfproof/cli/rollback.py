"""``selfproof rollback``: make an earlier version the program again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import at_option, dump, json_option


@click.command(epilog="\b\nExamples:\n  selfproof rollback v3\n  selfproof rollback 41 --reason 'odd tables'")
@click.argument("change")
@click.option("--reason", default="a person asked for it", show_default=True, help="For the ledger.")
@at_option
@json_option
def command(change: str, reason: str, folder: Path, as_json: bool) -> None:
    """Undo CHANGE and what came after it: an id of `log`, or v and a version number. The exact earlier tree returns."""
    from selfproof import life as lives
    from selfproof import line
    from selfproof.nouns import UsageError

    with lives.opened(folder) as life:
        state = life.state
        wanted = change.removeprefix("v")
        number = None
        if wanted.isdecimal():
            confirming = state.confirmations.get(int(wanted))
            number = int(wanted) if change.startswith("v") else (confirming.version if confirming else None)
        if number is None or not 0 < number < len(state.versions):
            raise UsageError(f"{change!r} is not an adopted change", advice="`selfproof log` lists them.")
        if state.versions[number].rolled_back:
            raise UsageError(f"version {number} was rolled back already")
        retired = state.overseen.retired
        earlier = [v.number for v in state.versions if v.number < number and not v.rolled_back]
        to = max((one for one in earlier if one not in retired), default=max(earlier))
        line.rollback(life, to, reason=reason)
        row: dict[str, Any] = {"undone": number, "version": to, "tree": state.now.tree}
    if as_json:
        dump(row)
    else:
        click.echo(f"version {to} is the program again (tree {row['tree'][:12]}); what was undone is never tried again")
