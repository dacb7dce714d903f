"""Where in a file a quoted piece of it stands, although a model rarely quotes exactly.

Three attempts, each only if the one before found nothing: the very lines; the same lines but for white space and blank
lines; the one stretch that is clearly the most similar. A piece that fits two places fits none. The work is linear in
file and piece, whatever they hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SIMILAR = 0.8  # least similarity (Dice's coefficient of neighbouring tokens)
AHEAD = 0.1  # by how much the best place must be more similar than any other
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Place:
    """Lines ``first`` up to but not with ``last``.

    ``indent`` is the white space that the file has before each line and the piece has not; with "-" before it, what
    the piece has and the file has not. ``trimmed``: blank lines at the piece's ends were left out.
    """

    first: int
    last: int
    indent: str = ""
    trimmed: bool = False

    def fitted(self, replacement: Sequence[str]) -> list[str]:
        """The replacement as it must stand in this place."""
        lines = trimmed(replacement) if self.trimmed else list(replacement)
        if self.indent.startswith("-"):
            return [line.removeprefix(self.indent[1:]) for line in lines]
        return [self.indent + line if line.strip() else line for line in lines] if self.indent else lines


def find(lines: Sequence[str], piece: Sequence[str], *, fuzzy: bool = True) -> Place | str:
    """Where the piece stands in the file, or why it has no place. Both are lines without their ends."""
    bare = [line.rstrip("\r") for line in lines]
    if not any(line.strip() for line in piece):
        return _exact(bare, piece) if piece else "quotes nothing"
    found = _exact(bare, piece)
    if found == _NOWHERE:
        found = _but_for_spaces(bare, piece)
    if fuzzy and found == _NOWHERE:
        found = _similar(bare, piece)
    return found


_NOWHERE = "is not in the file"


def _exact(lines: Sequence[str], piece: Sequence[str]) -> Place | str:
    text, quoted = "\n".join(["", *lines, ""]), "\n".join(["", *piece, ""])
    at = text.find(quoted)
    if at < 0:
        return _NOWHERE
    if text.find(quoted, at + 1) >= 0:
        return "fits more than one place"
    first = text.count("\n", 0, at)
    return Place(first, first + len(piece))


def _but_for_spaces(lines: Sequence[str], piece: Sequence[str]) -> Place | str:
    numbers = [number for number, line in enumerate(lines) if line.strip()]
    wanted = [line for line in piece if line.strip()]
    found = _exact([_collapsed(lines[n]) for n in numbers], [_collapsed(line) for line in wanted])
    if not isinstance(found, Place):
        return found
    first, last = numbers[found.first], numbers[found.last - 1]
    return Place(first, last + 1, _indent(lines[first], wanted[0]), trimmed=True)


def _similar(lines: Sequence[str], piece: Sequence[str]) -> Place | str:
    wanted = trimmed(piece)
    target = Counter(pair for line in wanted for pair in _pairs(line))
    marks = [_pairs(line) for line in lines]
    best: list[tuple[float, int, int]] = []
    for size in {max(1, len(wanted) + more) for more in (-1, 0, 1)}:
        best += _windows(marks, target, size)
    best.sort(key=lambda window: (-window[0], window[2] - window[1]))
    if not best or best[0][0] < SIMILAR:
        return _NOWHERE
    score, first, last = best[0]
    others = [window[0] for window in best if window[2] <= first or window[1] >= last]
    if others and score - max(others) < AHEAD:
        return "fits more than one place"
    told = next((n for n in range(first, last) if lines[n].strip()), first)
    return Place(first, last, _indent(lines[told], wanted[0]), trimmed=True)


def _windows(
    marks: Sequence[list[tuple[str, str]]], target: Counter[tuple[str, str]], size: int
) -> list[tuple[float, int, int]]:
    """Similarity of each stretch of ``size`` lines, first and last; only those that come near enough to matter."""
    total = sum(target.values())
    held: Counter[tuple[str, str]] = Counter()
    shared = count = 0
    found = []
    for number, pairs in enumerate(marks):
        for pair in pairs:
            held[pair] += 1
            shared += held[pair] <= target[pair]
        count += len(pairs)
        if number >= size:
            for pair in marks[number - size]:
                shared -= held[pair] <= target[pair]
                held[pair] -= 1
            count -= len(marks[number - size])
        score = 2 * shared / (count + total) if count + total else 0.0
        if score >= SIMILAR - AHEAD and number + 1 >= size:
            found.append((score, number + 1 - size, number + 1))
    return found


def _pairs(line: str) -> list[tuple[str, str]]:
    tokens = ["", *_TOKEN.findall(line[:2000])]
    return list(pairwise(tokens))


def _indent(line: str, quoted: str) -> str:
    here, there = (text[: len(text) - len(text.lstrip())] for text in (line, quoted))
    if here.endswith(there):
        return here[: len(here) - len(there)]
    return "-" + there[: len(there) - len(here)] if there.endswith(here) else ""


def _collapsed(line: str) -> str:
    return " ".join(line.split())


def trimmed(piece: Sequence[str]) -> list[str]:
    """The lines without blank ones at the ends."""
    first, last = 0, len(piece)
    while first < last and not piece[first].strip():
        first += 1
    while last > first and not piece[last - 1].strip():
        last -= 1
    return list(piece[first:last])
