"""The attacks that there are: one file each below `programs/`, whose first line says what it tries."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROGRAMS: Final = Path(__file__).with_name("programs")


@dataclass(frozen=True)
class Attack:
    """A program that defines `solve(x)`; `name` is "family/file"."""

    name: str
    title: str
    source: str

    @property
    def family(self) -> str:
        """The folder that it is in."""
        return self.name.partition("/")[0]


@functools.cache
def attacks() -> tuple[Attack, ...]:
    """All attacks, by name."""
    return tuple(_read(path) for path in sorted(PROGRAMS.glob("*/*.py")))


def chosen(names: list[str] | None) -> tuple[Attack, ...]:
    """The attacks of these names, families or "family/file"; all for None. Raises KeyError for a name of none."""
    if names is None:
        return attacks()
    known = {attack.name for attack in attacks()} | {attack.family for attack in attacks()}
    if unknown := [name for name in names if name not in known]:
        raise KeyError(f"no attack is called {', '.join(unknown)}")
    return tuple(attack for attack in attacks() if attack.name in names or attack.family in names)


def source_of(part: str) -> str:
    """The source of one of the programs that are no attack: "evaluate" or "honest"."""
    return (PROGRAMS / f"{part}.py").read_text(encoding="utf-8")


def _read(path: Path) -> Attack:
    source = path.read_text(encoding="utf-8")
    title = ast.get_docstring(ast.parse(source)) or ""
    return Attack(f"{path.parent.name}/{path.stem}", title, source)
