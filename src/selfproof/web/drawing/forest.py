"""The lineage as one SVG, for print and for those without scripts; the page draws the same places on a canvas."""

from __future__ import annotations

from selfproof.web.drawing.svg import Drawing, Palette
from selfproof.web.models.forest import MARKS, OUTCOMES, WAY, Forest, Node, Stem

ACROSS, APART, UP = 16.0, 14.0, 8.0
"""Pixels between columns, from the trunk to the first slot, and between slots; lineage.js has the same."""
MARGIN = 40.0
LOOKS = {"refused": "whisker-bad", "rolled back": "whisker-bad", "control": "second", "certified": "dot"}


def place(column: int, slot: int) -> tuple[float, float]:
    """Where a slot of a column lies, from the trunk's height."""
    if slot == 0:
        return column * ACROSS, 0.0
    return column * ACROSS, (APART + (abs(slot) - 1) * UP) * (-1 if slot > 0 else 1)


def lineage(forest: Forest, shown: set[int] | None = None, palette: Palette = "light") -> str:
    """The whole tree; of candidates outside ``shown`` only those on the way to an adopted one."""
    deepest = max((abs(node.slot) for node in forest.nodes), default=1)
    middle = MARGIN + APART + deepest * UP
    size = (2 * MARGIN + max(1, forest.columns) * ACROSS, 2 * middle)
    versions = f"{len(forest.stems)} versions on the trunk, {len(forest.nodes)} candidates"
    drawing = Drawing(size, "Lineage", versions, palette)

    def at(column: int, slot: int) -> tuple[float, float]:
        x, y = place(column, slot)
        return MARGIN + x, middle + y

    kept = [n for n in forest.nodes if shown is None or n.index in shown or n.flags & WAY]
    for node in kept:
        start = _start(forest, node)
        drawing.curve(at(*start), at(node.column, node.slot), "way" if node.flags & WAY else "twig")
    for node in kept:
        _mark(drawing, at(node.column, node.slot), node)
    _trunk(drawing, forest, at)
    return drawing.text()


def _start(forest: Forest, node: Node) -> tuple[int, int]:
    """Where a twig begins: at its parent, or on the trunk at the version that it was made for."""
    if node.parent >= 0:
        parent = forest.nodes[node.parent]
        return parent.column, parent.slot
    stems = [stem.column for stem in forest.stems if stem.version == node.version]
    return (stems[0] if stems else 0), 0


def _mark(drawing: Drawing, at: tuple[float, float], node: Node) -> None:
    mark = MARKS[node.mark]
    told = f"{mark or OUTCOMES[node.outcome]}: {node.title[:100]}"
    if mark in {"refused", "rolled back"}:
        drawing.cross(at, LOOKS[mark], told=told)
    elif mark == "control":
        drawing.square(at, "dot-open", told=told)
    elif mark:
        drawing.dot(at, LOOKS.get(mark, "dot-open"), radius=5, told=told)
    else:
        drawing.dot(at, "leaf-kept" if OUTCOMES[node.outcome] == "raced" else "leaf", radius=2, told=told)


def _trunk(drawing: Drawing, forest: Forest, at: object) -> None:
    assert callable(at)
    if not forest.stems:
        return
    drawing.line(at(forest.stems[0].column, 0), at(max(forest.columns - 1, 1), 0), "trunk")
    last: Stem | None = None
    for stem in forest.stems:
        x, y = at(stem.column, 0)
        if stem.node >= 0:
            node = forest.nodes[stem.node]
            drawing.curve(at(node.column, node.slot), (x, y), "way")
        drawing.dot((x, y), "dot", radius=7, told=f"version {stem.version}: {stem.title[:100]}")
        if last is None or (stem.column - last.column) * ACROSS > 26:
            drawing.word((x, y + 24), f"v{stem.version}", "strong", "middle")
            last = stem
