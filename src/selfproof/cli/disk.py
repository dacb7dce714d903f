"""``selfproof disk``: what of a program takes how much room."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, dump, json_option


@click.command(epilog="\b\nExamples:\n  selfproof disk\n  selfproof disk --json")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """What of the program takes how much room, what a candidate costs, how much is left."""
    from selfproof import room

    seen = Seen(folder)
    tree = folder / seen.charter.program.tree
    candidates = sum(leaf.body["n"] for leaf in seen.reader.leaves() if leaf.kind == "propose")
    row = room.told(seen.paths, tree, seen.charter.budget.disk_mb, candidates)
    if as_json:
        dump(row)
        return
    for name, taken in sorted(row["parts"].items(), key=lambda one: -one[1]):
        click.echo(f"  {taken / 1e6:>10.2f} MB  {name:<16} {room.PARTS[name]}")
    limit = f"of {row['limit'] / 1e6:.0f} MB ({row['share']:.0%}; disk_mb)" if row["limit"] else "(no disk_mb set)"
    click.echo(f"  {row['counted'] / 1e6:>10.2f} MB  counted {limit}; {row['free'] / 1e9:.1f} GB are free")
    if row["bytes_per_candidate"]:
        click.echo(f"  {row['bytes_per_candidate'] / 1e3:>10.2f} kB  a candidate, {row['candidates']} so far")
