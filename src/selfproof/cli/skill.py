"""``selfproof skill``: what a coding agent should know of selfproof, as an agent skill."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from selfproof.cli.common import dump, json_option
from selfproof.nouns import SelfproofError

EPILOG = """\b
Examples:
  selfproof skill                                 print it
  selfproof skill --install .claude/skills        for one project
  selfproof skill --install ~/.claude/skills      for all of yours"""


@click.command(epilog=EPILOG)
@click.option("--install", "target", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write DIR/selfproof/SKILL.md.")  # fmt: skip
@json_option
def command(target: Path | None, as_json: bool) -> None:
    """Print the skill, or write it where a coding agent looks for skills; an older one is replaced."""
    text = resources.files("selfproof").joinpath("skills/selfproof/SKILL.md").read_text("utf-8")
    place = None
    if target is not None:
        place = target / "selfproof" / "SKILL.md"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        except OSError as error:
            raise SelfproofError(
                f"{place} cannot be written: {error.strerror}", advice="Name a folder that you may write to."
            ) from None
    if as_json:
        dump({"skill": text, "file": str(place) if place else None})
    elif place is not None:
        click.echo(f"wrote {place}")
    else:
        click.echo(text, nl=False)
