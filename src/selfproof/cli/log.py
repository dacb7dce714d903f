"""``selfproof log``: certified and refused changes."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, dump, json_option, visible
from selfproof.viewing.rows import effect_words, lineage_words, lineages_of, rows_of


@click.command(epilog="\b\nExamples:\n  selfproof log\n  selfproof log --json | head")
@at_option
@json_option
@click.option("-n", "most", type=click.IntRange(1), help="Only the newest N.")
def command(folder: Path, as_json: bool, most: int | None) -> None:
    """Certified and refused changes, newest first."""
    seen = Seen(folder)
    rows = rows_of(seen.state, lineages_of(seen))[:most]
    if as_json:
        dump(rows)
        return
    if not rows:
        click.echo("nothing was confirmed yet; type: selfproof run")
    marks = {
        "certified": ("+", "green"),
        "uncertified": ("!", "red"),
        "refused": ("-", "red"),
        "rolled back": ("<", "yellow"),
        "open": ("?", None),
        "waits": ("~", "yellow"),
        "control": ("=", "cyan"),
    }
    for row in rows:
        mark, colour = marks[row["verdict"]]
        number = f"v{row['version']}" if row["version"] is not None else ""
        words = effect_words(row) or visible(row["reason"] or "")
        if effect_words(row) and row["from"]:
            words += f", on {row['from']}"
        head = click.style(f"{mark} {row['id']:>5} {row['verdict']:<11}", fg=colour)
        click.echo(f"{head} {number:<4} {row['objective']:<11} {words}")
        click.echo(f"        {visible(row['title'][:100])}")
        if seen.improver_may_change and (told := lineage_words(row)):
            click.echo(f"        {told}")
