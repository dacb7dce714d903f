"""``selfproof diff``: what changed between two versions."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, coloured, dump, json_option, unified


@click.command(epilog="\b\nExamples:\n  selfproof diff\n  selfproof diff 2 now")
@click.argument("a", default="start")
@click.argument("b", default="now")
@at_option
@json_option
def command(a: str, b: str, folder: Path, as_json: bool) -> None:
    """What changed between versions A and B (start and now by default)."""
    seen = Seen(folder)
    one, two = seen.version(a), seen.version(b)
    diff = unified(seen.files(one), seen.files(two), (a, b))
    if as_json:
        dump({"a": one, "b": two, "diff": diff})
    elif diff:
        coloured(diff)
    else:
        click.echo("no difference")
