"""Edits that make one function of a program faster and leave what it does as it is.

The functions here only read and write text: nothing of the program is imported or run. An edit is a
proposal all the same: the engine compares its behaviour with the original's on recorded and hostile inputs
before a clock counts.

Does not protect against: see `speed_moves` and `purity`; a speed-up is not promised either, only looked
for.
"""

from __future__ import annotations

from dataclasses import dataclass

from .purity import Module
from .speed_caches import call_caches, recursion_caches
from .speed_moves import growing_memberships, hoists, memberships
from .speed_regions import Site
from .speed_text import HELPER_NEEDS, HELPERS, spliced


@dataclass(frozen=True)
class SpeedEdit:
    """A proposed rewrite of one function; `source` is the whole new text of its module."""

    title: str
    operator: str
    source: str


def speed_edits(source: str, function: str) -> list[SpeedEdit]:
    """All edits known for the top-level function `function` of the module text `source`, in a fixed order.

    An empty list means that nothing could be shown to be safe: the source does not parse, the name is not
    bound exactly once to a plain top-level function, or no pattern applies. Raises nothing.
    """
    try:
        module = Module(source)
        if function not in module.functions or module.shadowed & HELPER_NEEDS:
            return []
        site = Site(module, function)
        if not site.editable or site.scope.locals & HELPERS:
            return []
        edits = []
        for moves in (memberships, growing_memberships, hoists, call_caches, recursion_caches):
            for move in moves(site):
                text = spliced(source, move.splices, move.helpers)
                if text is not None and text != source:
                    edits.append(SpeedEdit(f"{function}: {move.title}", move.operator, text))
    except (SyntaxError, ValueError, RecursionError):  # not a module, or nested too deeply to be read
        return []
    return edits
