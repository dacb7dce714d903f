"""``selfproof init``: make a new living program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import LIVING, dump, json_option

if TYPE_CHECKING:
    from selfproof.projects.writing import Made

EPILOG = """\b
Examples:
  selfproof init --function mypkg.mod:func            faster, with the same answers
  selfproof init --function mod:func --record bench.py
  selfproof init my-program --template apprentice"""


@click.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--function", metavar="PKG.MOD:FUNC", help="Make this function of your project faster.")
@click.option("--record", metavar="COMMAND", help="What to run while calls are recorded.  [default: your tests]")
@click.option("--generate", is_flag=True, help="Make calls from the type hints instead.")
@click.option("--project", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Your project's folder.")
@click.option("--template", type=click.Choice(["apprentice"]), help="Start from a template instead of a project.")
@click.option("--seed", type=click.IntRange(0), help="Make runs repeatable; certificates then say so.")
@json_option
def command(folder: Path | None, as_json: bool, **options: Any) -> None:
    """Make a living program: of your project (into ./living or FOLDER), or from a template (into this folder)."""
    if options["function"]:
        told = _function(folder, options)
        if as_json:
            dump({"event": "init", "program": told.program_id, "folder": str(told.folder), "told": told.told})
            return
        for line in told.told:
            click.echo(line)
        return
    from selfproof.birth import make

    place = folder or Path()
    program = make(place, options["template"] or "apprentice", options["seed"])
    if as_json:
        dump({"event": "init", "program": program, "folder": str(place)})
        return
    click.echo(f"apprentice {program} is ready in {place.resolve()}")
    click.echo("  charter.toml  what you allow it to do: read it, it is yours")
    click.echo("  next: selfproof run" + ("" if place == Path() else f" --at {place}"))


def _function(folder: Path | None, options: dict[str, Any]) -> Made:
    from selfproof.projects import closure, function

    project = options["project"] or closure.project_of(Path())
    form = function.Options(
        options["function"],
        options["record"] or "",
        options["generate"],
        options["seed"],
        lambda line: click.echo(line, err=True),
    )
    return function.make(project.resolve(), folder or project / LIVING, form)
