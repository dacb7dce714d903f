"""A flame graph that hangs: who calls whom, as wide as the time it takes, callers above what they call.

A function has the same colour in every picture, by its name; others may share it. What is narrower than a letter has no
word, but a tooltip.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from selfproof.web.drawing.svg import Drawing, Palette

WIDTH, ROW, TOP, GAP = 760.0, 22.0, 24.0, 3.0
LETTER = 6.6
"""Width of a letter in a box, about."""
DEEPEST = 24
"""Levels that are drawn."""
Tree = Sequence[Sequence[Any]]


def wholes(rows: Tree) -> list[float]:
    """Seconds of each row with all that it calls."""
    found = [float(row[3]) for row in rows]
    for number in range(len(rows) - 1, -1, -1):
        if rows[number][0] >= 0:
            found[rows[number][0]] += found[number]
    return found


def places(rows: Tree) -> list[tuple[float, int, float]]:
    """Where each box is: left edge and width as shares of the whole, and its level; siblings widest first."""
    whole = wholes(rows)
    total = sum(seconds for row, seconds in zip(rows, whole, strict=True) if row[0] < 0) or 1.0
    below: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        below.setdefault(row[0], []).append(number)
    found = [(0.0, 0, 0.0)] * len(rows)
    waiting: list[tuple[int, float, int]] = [(-1, 0.0, -1)]
    while waiting:
        parent, left, level = waiting.pop()
        for number in sorted(below.get(parent, []), key=lambda one: (-whole[one], rows[one][1])):
            found[number] = (left, level + 1, whole[number] / total)
            waiting.append((number, left, level + 1))
            left += whole[number] / total
    return found


def flames(rows: Tree, title: str, palette: Palette = "page") -> str:
    """The picture of one tree of calls."""
    boxes = places(rows)
    levels = min(DEEPEST, max((level for _, level, _ in boxes), default=0) + 1)
    longest = sorted(range(len(rows)), key=lambda number: -float(rows[number][3]))[:5]
    whole = wholes(rows)
    total = sum(seconds for row, seconds in zip(rows, whole, strict=True) if row[0] < 0) or 1.0
    told = "; ".join(f"{name_of(rows[n][1])} {float(rows[n][3]) / total:.0%} itself" for n in longest)
    drawing = Drawing((WIDTH, TOP + levels * (ROW + GAP)), title, told, palette)
    drawing.word((0.0, 14.0), title, "strong")
    for row, (left, level, share) in zip(rows, boxes, strict=True):
        width = share * WIDTH
        if level >= levels or width < 1.0:
            continue
        x, y = left * WIDTH, TOP + level * (ROW + GAP)
        words = f"{row[1]}: {share:.1%} of the time, {float(row[3]) / total:.1%} itself, {row[2]:,} calls"
        drawing.box((x, y), (max(1.0, width - 1.0), ROW), f"flame-{zlib.crc32(str(row[1]).encode()) % 6}", words)
        if (letters := int((width - 8.0) / LETTER)) >= 3:
            name = name_of(row[1])
            drawing.word((x + 5.0, y + 15.0), name if len(name) <= letters else name[: letters - 1] + "…", "flame-word")
    return drawing.text()


def name_of(place: str) -> str:
    """The function of "FILE.py:function"."""
    return str(place).rpartition(":")[2]
