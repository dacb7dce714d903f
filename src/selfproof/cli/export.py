"""``selfproof export``: the program's changes as a patch."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, dump, json_option, unified


@click.command(epilog="\b\nExamples:\n  selfproof export > better.patch\n  selfproof export -o better.patch 0 3")
@click.argument("a", default="start")
@click.argument("b", default="now")
@click.option("-o", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@at_option
@json_option
def command(a: str, b: str, target: Path | None, folder: Path, as_json: bool) -> None:
    """The change from version A to version B as a patch for `git apply`."""
    seen = Seen(folder)
    one, two = seen.version(a), seen.version(b)
    patch = unified(seen.files(one), seen.files(two), (a, b))
    if target is not None:
        target.write_text(patch, encoding="utf-8")
    if as_json:
        dump({"a": one, "b": two, "patch": patch, "file": str(target) if target else None})
    elif target is None:
        click.echo(patch, nl=False)
    else:
        click.echo(f"wrote {target}")
