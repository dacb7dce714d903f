"""More ways for ``selfproof export`` to hand over: another tool's layout, the text of a pull request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from selfproof.cli.common import Seen, dump
from selfproof.nouns import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])
NAMES = ("to", "pull_request")


def options(command: Command) -> Command:
    """Add the options to a command."""
    kinds = click.Choice(["openevolve", "shinka", "gepa"])
    place = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.option("--pull-request", is_flag=True, help="Title and Markdown text of a pull request, with evidence."),
        click.option("--to", type=(kinds, place), metavar="TOOL DIR",
                     help="The best program as openevolve, shinka or gepa would leave it."),
    ):  # fmt: skip
        command = option(command)
    return command


def handled(seen: Seen, versions: tuple[int, int], how: Mapping[str, Any], as_json: bool) -> bool:
    """Do what these options ask for; False if none was given.

    Raises:
        UsageError: they exclude each other or another way, or the program does not fit.
    """
    wanted = [name for name in NAMES if how.get(name)]
    if not wanted:
        return False
    if len(wanted) > 1 or any(how.get(name) for name in ("target", "into", "branch")):
        raise UsageError("--to and --pull-request go with no other way to export", advice="Give one of them.")
    if how["pull_request"]:
        from selfproof.cli.pull_request import text_of

        title, body = text_of(seen, *versions)
        if as_json:
            dump({"title": title, "body": body})
        else:
            click.echo(f"{title}\n\n{body}", nl=False)
        return True
    if versions[1] != seen.state.current:
        raise UsageError("--to writes the newest version", advice="Leave A and B out.")
    from selfproof.adapters import exporting

    kind, folder = how["to"]
    home = seen.paths.folder
    best = exporting.best(home, seen.charter, seen.state, seen.files(versions[1]), seen.reader.get_blob)
    files = exporting.written(kind, folder, best)
    if as_json:
        dump({"to": kind, "files": [str(path) for path in files]})
    else:
        click.echo("wrote " + ", ".join(str(path) for path in files))
    return True
