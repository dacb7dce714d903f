"""``selfproof versions``: every version of the program and how it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import Seen, at_option, dump, json_option, visible


@click.command(epilog="\b\nExample:\n  selfproof versions --json")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Every version and how it stands: running, earlier, taken back, retired."""
    seen = Seen(folder)
    rows = [row_of(seen, number) for number in range(len(seen.state.versions))]
    if as_json:
        dump(rows)
        return
    for row in rows:
        anchor = ", anchor" if row["anchor"] else ""
        click.echo(f"v{row['version']:<4} {row['state']:<11} {row['tree'][:12]} {visible(row['title'])[:80]}{anchor}")
        if row["why"]:
            click.echo(f"      {visible(row['why'])}")


def row_of(seen: Seen, number: int) -> dict[str, Any]:
    """One version."""
    state, version = seen.state, seen.state.versions[number]
    retired = state.overseen.retired.get(number)
    standing = "running" if number == state.current else "taken back" if version.rolled_back else "earlier"
    return {
        "version": number, "state": "retired" if retired else standing, "tree": version.tree, "entry": version.leaf,
        "time": version.time, "objective": version.objective, "title": version.title,
        "anchor": number == state.anchor, "why": f"{retired['by']}: {retired['reason']}" if retired else "",
    }  # fmt: skip
