"""``selfproof init``: make a new living program."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import dump, json_option


@click.command(epilog="\b\nExamples:\n  selfproof init\n  selfproof init my-program --seed 7")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option(
    "--template", type=click.Choice(["apprentice"]), default="apprentice", show_default=True, help="What to start from."
)
@click.option("--seed", type=click.IntRange(0), help="Make runs repeatable; certificates then say so.")
@json_option
def command(folder: Path, template: str, seed: int | None, as_json: bool) -> None:
    """Make a new living program in FOLDER (this folder by default)."""
    from selfproof.birth import make

    program = make(folder, template, seed)
    if as_json:
        dump({"event": "init", "program": program, "folder": str(folder)})
        return
    click.echo(f"{template} {program} is ready in {folder.resolve()}")
    click.echo("  charter.toml  what you allow it to do: read it, it is yours")
    click.echo("  next: selfproof run" + ("" if folder == Path() else f" --at {folder}"))
