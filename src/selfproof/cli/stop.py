"""``selfproof stop``: stop a running program and keep it stopped."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.cli.common import at_option, dump, json_option
from selfproof.places import Paths


@click.command(epilog="\b\nExample:\n  selfproof stop --at my-program")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Stop a running program within seconds; it stays stopped until `selfproof resume`. Anyone may stop."""
    paths = Paths(folder)
    charters.load(paths.charter)
    paths.stop.write_text("stopped by a person\n", encoding="utf-8")
    if as_json:
        dump({"stopped": True, "file": str(paths.stop)})
    else:
        click.echo(f"{paths.stop} is written: a running program ends at its next safe point. Undo: selfproof resume")
