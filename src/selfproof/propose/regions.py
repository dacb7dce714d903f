"""Parts of a file that its author marked as the only ones that may change: EVOLVE-BLOCK-START to EVOLVE-BLOCK-END.

A marker is a line of its own, in a comment of any language. Where a file has markers, everything outside them stays
as it is, the marker lines included; markers that do not match up leave nothing to change.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKER = re.compile(r"^\W*EVOLVE-BLOCK-(START|END)\b")

Region = tuple[int, int]
"""First line inside and first line after it: the marker lines themselves are outside."""


def is_marker(line: str) -> bool:
    """Whether the line is a marker: nothing but comment signs may stand before it."""
    return _MARKER.match(line) is not None


def regions(lines: Sequence[str]) -> list[Region] | None:
    """The parts that may change, in order; None for a file without markers, [] where they do not match up."""
    found: list[Region] = []
    began: int | None = None
    seen = False
    for number, line in enumerate(lines):
        match = _MARKER.match(line)
        if match is None:
            continue
        seen = True
        if (match[1] == "START") == (began is not None):
            return []
        if match[1] == "START":
            began = number + 1
        elif began is not None:
            found.append((began, number))
            began = None
    if began is not None:
        return []
    return found if seen else None


def allowed(lines: Sequence[str], first: int, last: int) -> bool:
    """Whether the lines ``first`` up to but not with ``last`` may be replaced."""
    within = regions(lines)
    return within is None or any(start <= first and last <= end for start, end in within)


def kept(before: str, after: str) -> str | None:
    """``after`` with everything outside the marked parts as in ``before``; None where its markers do not fit.

    A ``before`` without markers gives ``after`` as it is.
    """
    old, new = before.split("\n"), after.split("\n")
    here, there = regions(old), regions(new)
    if here is None:
        return after
    if not here or there is None or len(there) != len(here):
        return None
    merged: list[str] = []
    done = 0
    for (start, end), (new_start, new_end) in zip(here, there, strict=True):
        merged += old[done:start] + new[new_start:new_end]
        done = end
    return "\n".join(merged + old[done:])
