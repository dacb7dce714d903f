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

from selfproof import charter as charters
from selfproof.archive.state import State, fold
from selfproof.archive.tree import matches
from selfproof.charter import Charter
from selfproof.ledger import Reader, read
from selfproof.nouns import UsageError
from selfproof.places import Paths

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


class Seen:
    """A life as a reader sees it: no lock, no key, no change."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder)
        self.charter: Charter = charters.load(self.paths.charter)
        if not self.paths.ledger.exists():
            raise UsageError(
                f"{folder} has a charter but no ledger yet", advice="Type `selfproof run` or `selfproof init` there."
            )
        self.reader: Reader = read(self.paths.ledger)
        self.state: State = fold(self.reader.leaves())

    @property
    def improver_may_change(self) -> bool:
        """Whether the charter lets an edit change the file that holds the improver."""
        path, program = self.charter.proposers.improver.partition(":")[0], self.charter.program
        return bool(path) and matches(path, program.editable) and not matches(path, program.protected)

    def files(self, number: int) -> dict[str, str]:
        """All files of a version."""
        return {path: self.reader.get_blob(d).decode() for path, d in self.state.versions[number].files.items()}

    def version(self, name: str) -> int:
        """The number of "start", "now", "anchor" or a number.

        Raises:
            UsageError: there is no such version.
        """
        known = {"start": 0, "now": self.state.current, "anchor": self.state.anchor}
        number = known.get(name, int(name) if name.isdecimal() and len(name) < 6 else -1)
        if not 0 <= number < len(self.state.versions):
            raise UsageError(
                f"no version is called {name!r}",
                advice=f"Use start, now, anchor, or a number from 0 to {len(self.state.versions) - 1}.",
            )
        return number


def unified(before: dict[str, str], after: dict[str, str], names: tuple[str, str]) -> str:
    """A unified diff that `git apply` and `patch -p1` take."""
    import difflib

    parts = []
    for path in sorted(set(before) | set(after)):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        lines = difflib.unified_diff(
            (old or "").splitlines(keepends=True), (new or "").splitlines(keepends=True),
            f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null",
        )  # fmt: skip
        parts += [line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines]
    del names
    return "".join(parts)


def coloured(diff: str, echo: Callable[..., None] = click.echo) -> None:
    """Print a diff with the usual colours where the terminal takes them."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.splitlines():
        head = line.startswith(("+++", "---"))
        echo(click.style(line, fg=colours.get(line[:1]) if not head else None, bold=head))
