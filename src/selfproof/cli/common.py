"""What most commands share: the folder, reading a life without locking it, printing."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from selfproof.viewing.seen import Seen
from selfproof.viewing.texts import unified, visible

__all__ = [
    "LIVING", "Seen", "at_option", "coloured", "dump", "home", "invocation", "json_option", "unified", "visible",
]  # fmt: skip

LIVING = "living"
"""Where ``selfproof init`` puts the living program of a project."""


def home(given: Path | None) -> Path:
    """The program's folder: the one that was named, else this one, else ./living if only that holds a program."""
    if given is not None:
        return given
    here, below = Path(), Path(LIVING)
    return below if not (here / "charter.toml").exists() and (below / "charter.toml").exists() else here


at_option = click.option(
    "--at", "folder", type=click.Path(path_type=Path, file_okay=False), help="The program's folder.",
    callback=lambda _context, _option, given: home(given), show_default="this folder, or ./living",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def invocation(words: str, folder: Path) -> str:
    """A command that the reader can paste: with the program's path if it is not on PATH, and the folder if needed."""
    found = Path(sys.argv[0])
    known = shutil.which("selfproof") or not found.exists() or found.name != "selfproof"
    name = "selfproof" if known else _short(found)
    here = folder.resolve() == home(None).resolve()
    return f"{name} {words}" + ("" if here else f" --at {shlex.quote(_short(folder))}")


def _short(path: Path) -> str:
    """The path from here if it lies below, absolute otherwise; nothing unprintable."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  not resolved: a virtual environment's links must stay
    text = str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)
    return "".join(ch if ch.isprintable() else "?" for ch in text)


def dump(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False))


def coloured(diff: str, echo: Callable[..., None] = click.echo) -> None:
    """Print a diff with the usual colours where the terminal takes them; into a file or a pipe it goes as it is."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for raw in diff.split("\n")[: -1 if diff.endswith("\n") else None]:
        line = visible(raw) if sys.stdout.isatty() else raw
        head = line.startswith(("+++", "---"))
        echo(click.style(line, fg=colours.get(line[:1]) if not head else None, bold=head))
