"""``selfproof show``: one change with its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import Seen, at_option, coloured, dump, json_option, visible
from selfproof.viewing.certificates import page
from selfproof.viewing.changes import change_of
from selfproof.viewing.examined import page as examined_page
from selfproof.viewing.rows import effect_words, lineage_words


@click.command(epilog="\b\nExamples:\n  selfproof show 41\n  selfproof show v3")
@click.argument("change")
@at_option
@json_option
def command(change: str, folder: Path, as_json: bool) -> None:
    """One change: its diff and its certificate. CHANGE is an id of `log` or a version: v1, or 1 if no id is that."""
    seen = Seen(folder)
    row = change_of(seen, change)
    confirming, certificate = seen.state.confirmations[row["id"]], row["certificate"]
    if as_json:
        dump(row)
        return
    click.echo(f"{row['verdict']}: {visible(row['title'])}")
    click.echo(
        f"objective {row['objective']}, origin {visible(row['origin'])}, confirmation {row['id']}, {row['time']}"
    )
    if seen.improver_may_change and (words := lineage_words(row)):
        click.echo(words)
    if row["classes"]:
        click.echo(f"classes of change: {', '.join(row['classes'])}")
    if words := effect_words(row):
        click.echo(f"effect on {row['from'] or 'fresh pairs'}: {words}")
    click.echo(f"why: {visible(row['reason'])}\n")
    coloured(row["diff"])
    if certificate is not None:
        answer = "control" if row["verdict"] == "control" else str(certificate["answer"])
        heading = {"certified": "Certificate", "uncertified": "No certificate"}.get(answer, "Evidence")
        click.echo(f"\n{heading}")
        by = [one["by"] for one in confirming.approvals if one["decision"] == "approve"]
        told = [("signed by", ", ".join(dict.fromkeys(by)))] if by else []
        for name, words in [*page(certificate), *told]:
            click.echo(f"  {name:<11} {visible(words)}")
    if row["examined"] is not None:
        _told(row["examined"], row["tripwires"])


def _told(examined: dict[str, Any], touched: list[dict[str, Any]]) -> None:
    """The examination of a version that was adopted, and what tripwires said of it."""
    click.echo("\nExamined after its adoption")
    for name, words in [*examined_page(examined), *((found["answer"], found["words"]) for found in touched)]:
        click.echo(f"  {name:<11} {visible(words)}")
