"""What a version looks like to a search: its form, its structure without constants, its size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from selfproof.archive.tree import form_of
from selfproof.nouns import Files
from selfproof.operators.anatomy import anatomy_or_none

CHARACTERS = 10  # of text outside the focus that weigh as much as one node of an expression


@dataclass(frozen=True)
class Shape:
    """``form`` and ``structure`` are short names; equal forms are the same code, whatever its comments and layout."""

    form: str
    structure: str
    size: int


def shape_of(files: Files, start: Files, path: str, function: str) -> Shape | None:
    """The shape of a version as a search over ``function`` in ``path`` sees it; None if it cannot be taken apart.

    As long as only ``path`` differs from ``start`` its form is the short name that an improver computes too. An empty
    ``function`` is the whole file.
    """
    focus = _focus(files[path], path, function)
    others = {name: text for name, text in files.items() if name != path and start.get(name) != text}
    if focus is None or not others:
        return focus
    more = form_of(others)
    grown = sum(abs(len(text) - len(start.get(name, ""))) for name, text in others.items())
    return Shape(_short(focus.form + more), _short(focus.structure + more), focus.size + grown // CHARACTERS)


def functions_of(files: Files, focus: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The file that is searched and its functions, in turn, of a charter's places: those in the first one's file.

    ("",) is the whole file: nothing else is named, or the first is no plain function.
    """
    path = focus[0].partition(":")[0]
    names = dict.fromkeys(name for place in focus for file, _, name in [place.partition(":")] if file == path)
    found = [name for name in names if name and _focus(files[path], path, name) is not None]
    first = focus[0].partition(":")[2]
    return path, tuple(found) if first in found else ("",)


def _focus(text: str, path: str, function: str) -> Shape | None:
    if not path.endswith(".py"):
        return Shape(_short(text), _short(text), len(text) // CHARACTERS)
    known = anatomy_or_none(text, function)
    return Shape(*known) if known else None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
