"""What a version looks like to a search: its form, its structure without constants, its size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from selfproof.archive.tree import form_of
from selfproof.charter import Objective
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


def places_of(objective: Objective) -> tuple[str, tuple[str, ...]]:
    """The file that an objective's focus begins with, and those of its functions that the focus names.

    A search looks at one of them after the other; without a focus the entry is it.
    """
    places = [place.partition(":") for place in objective.focus or (objective.entry,)]
    path = places[0][0]
    return path, tuple(function for file, _, function in places if file == path)


def _focus(text: str, path: str, function: str) -> Shape | None:
    if not path.endswith(".py"):
        return Shape(_short(text), _short(text), len(text) // CHARACTERS)
    known = anatomy_or_none(text, function)
    return Shape(*known) if known else None


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
