"""``selfproof run --target self``: make the program of selfproof's own hot functions, unless it is there already."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import dump
from selfproof.nouns import UsageError
from selfproof.places import Paths

SELF = Path("self")
"""Where it is put if no folder is named."""


def made(target: str, folder: Path | None, seed: int | None, as_json: bool) -> Path:
    """The folder of the program; a new one if there is none. What was found is said on the way.

    Raises:
        UsageError: the target is not "self" or "self:MOD:FUNC", or the folder holds another program.
    """
    from selfproof import own
    from selfproof.projects import origin

    name, _, place = target.partition(":")
    if name != "self":
        raise UsageError(
            f"--target {target!r} is unknown", advice="Say --target self; for your own code: selfproof init"
        )
    home = folder or SELF
    if Paths(home).ledger.exists():
        came_from = origin.load(home)
        if came_from is None or came_from.form != own.FORM:
            raise UsageError(f"{home} holds another living program", advice="Name a folder that is new: --at DIR")
        if place:
            raise UsageError(f"{home} has its functions already", advice="Name a folder that is new: --at DIR")
        return home
    options = own.Options((place,) if place else (), seed=seed)
    found = own.make(home, options, lambda line: click.echo(line, err=True))
    if as_json:
        dump({"event": "init", "program": found.program_id, "folder": str(found.folder.resolve()), "told": found.told})
        return home
    for line in found.told:
        click.echo(f"  {line}")
    click.echo(f"made the living program {found.program_id} in {found.folder}; the installed package stays as it is")
    return home
