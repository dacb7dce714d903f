"""``selfproof charter``: check and explain."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.cli.common import at_option, dump, json_option
from selfproof.life import Paths


@click.command(epilog="\b\nExamples:\n  selfproof charter\n  selfproof charter --explain")
@click.option("--explain", is_flag=True, help="Describe every field that a charter may have.")
@at_option
@json_option
def command(explain: bool, folder: Path, as_json: bool) -> None:
    """Check the charter of this program, or explain what a charter may say."""
    if explain:
        rows = charters.explain()
        if as_json:
            dump([{"field": place, "default": default, "meaning": text} for place, default, text in rows])
            return
        for place, default, text in rows:
            click.echo(f"{click.style(place, bold=True)} ({default})\n    {text}")
        return
    charter = charters.load(Paths(folder).charter)
    if as_json:
        dump({"ok": True, "sha256": charter.digest, "objectives": [o.name for o in charter.objectives]})
    else:
        names = ", ".join(o.name for o in charter.objectives)
        click.echo(f"the charter is sound: {names}; sha256 {charter.digest[:16]}")
