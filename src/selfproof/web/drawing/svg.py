"""SVG as text: every shape has a look by name, every word from outside is escaped.

On a page the look is a class, so that the page's colours (dark, print, contrast) are the picture's. In a file that is
taken away it is written out as attributes: no style sheet, no script, nothing that a strict policy would refuse.

Does not protect against: a caller who puts text into a path's data; shapes' numbers are formatted here.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Literal

Palette = Literal["page", "light", "dark"]
Anchor = Literal["start", "middle", "end"]

INK = {"light": "#1d232b", "dark": "#e6e9ee"}
SOFT = {"light": "#59636e", "dark": "#a3adb8"}
FAINT = {"light": "#d5dae0", "dark": "#39424d"}
GOOD = {"light": "#0b6e4f", "dark": "#4fd1a1"}
BAD = {"light": "#b3261e", "dark": "#ff9a8f"}
BLUE = {"light": "#1f5fbf", "dark": "#8ab8ff"}
AMBER = {"light": "#8a5a00", "dark": "#f0b849"}
PAPER = {"light": "#ffffff", "dark": "#14181d"}

LOOKS: dict[str, dict[str, str | dict[str, str]]] = {
    "paper": {"fill": PAPER},
    "axis": {"stroke": SOFT, "stroke-width": "1", "fill": "none"},
    "grid": {"stroke": FAINT, "stroke-width": "1", "fill": "none"},
    "word": {"fill": SOFT, "font-size": "12"},
    "strong": {"fill": INK, "font-size": "12.5", "font-weight": "600"},
    "good-word": {"fill": GOOD, "font-size": "12.5", "font-weight": "600"},
    "bad-word": {"fill": BAD, "font-size": "12.5", "font-weight": "600"},
    "line": {"stroke": GOOD, "stroke-width": "2.2", "fill": "none", "stroke-linejoin": "round"},
    "second": {"stroke": BLUE, "stroke-width": "1.8", "fill": "none", "stroke-dasharray": "6 4"},
    "third": {"stroke": AMBER, "stroke-width": "1.8", "fill": "none", "stroke-dasharray": "2 3"},
    "limit": {"stroke": INK, "stroke-width": "1.4", "fill": "none", "stroke-dasharray": "9 4"},
    "control": {"stroke": SOFT, "stroke-width": "1.4", "fill": "none", "stroke-dasharray": "5 4"},
    "band": {"fill": GOOD, "fill-opacity": ".15", "stroke": "none"},
    "dot": {"fill": GOOD, "stroke": "none"},
    "dot-bad": {"fill": BAD, "stroke": "none"},
    "dot-open": {"fill": PAPER, "stroke": BLUE, "stroke-width": "1.5"},
    "whisker": {"stroke": GOOD, "stroke-width": "1.8", "fill": "none"},
    "whisker-bad": {"stroke": BAD, "stroke-width": "1.8", "fill": "none"},
    "whisker-soft": {"stroke": SOFT, "stroke-width": "1.6", "fill": "none"},
    "bar": {"fill": BLUE, "fill-opacity": ".75", "stroke": PAPER, "stroke-width": "1"},
    "bar-soft": {"fill": SOFT, "fill-opacity": ".28", "stroke": PAPER, "stroke-width": "1"},
    "flame-0": {"fill": {"light": "#f6c9a8", "dark": "#7a4a26"}},
    "flame-1": {"fill": {"light": "#f4d999", "dark": "#6f5a1c"}},
    "flame-2": {"fill": {"light": "#f2b8b0", "dark": "#7c3f38"}},
    "flame-3": {"fill": {"light": "#d9dca0", "dark": "#565c20"}},
    "flame-4": {"fill": {"light": "#eec6d6", "dark": "#6e3f54"}},
    "flame-5": {"fill": {"light": "#cfd9e8", "dark": "#3d4f68"}},
    "flame-word": {"fill": INK, "font-size": "11.5"},
    "trunk": {"stroke": GOOD, "stroke-width": "6", "fill": "none", "stroke-linecap": "round"},
    "way": {"stroke": GOOD, "stroke-width": "2", "fill": "none", "stroke-opacity": ".75"},
    "twig": {"stroke": SOFT, "stroke-width": ".7", "fill": "none", "stroke-opacity": ".35"},
    "leaf": {"fill": SOFT, "fill-opacity": ".45", "stroke": "none"},
    "leaf-kept": {"fill": SOFT, "stroke": "none"},
}


def clean(text: object) -> str:
    """Text as markup may have it: escaped, and what is not printable is spelled out."""
    known = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    return html.escape(known)


def attributes(look: str, palette: Palette) -> str:
    """How a look is written: by name on a page, in full in a file."""
    if palette == "page":
        return f' class="k-{look}"'
    rows = LOOKS[look].items()
    return "".join(f' {key}="{value if isinstance(value, str) else value[palette]}"' for key, value in rows)


class Drawing:
    """A picture that grows shape by shape; ``title`` and ``description`` are what a screen reader says of it."""

    def __init__(self, size: tuple[float, float], title: str, description: str, palette: Palette = "page") -> None:
        self.width, self.height = size
        self.title, self.description, self.palette = title, description, palette
        self._parts: list[str] = []

    def line(self, start: tuple[float, float], end: tuple[float, float], look: str) -> None:
        """A straight line."""
        self._add(f'line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"', look)

    def path(self, points: Iterable[tuple[float, float]], look: str, *, closed: bool = False) -> None:
        """Straight lines from point to point."""
        joined = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if joined:
            self._add(f'path d="M{joined}{"Z" if closed else ""}"', look)

    def curve(self, start: tuple[float, float], end: tuple[float, float], look: str) -> None:
        """A twig: leaves and arrives level."""
        (a, b), (c, d), middle = start, end, (start[0] + end[0]) / 2
        self._add(f'path d="M{a:.1f} {b:.1f}C{middle:.1f} {b:.1f} {middle:.1f} {d:.1f} {c:.1f} {d:.1f}"', look)

    def box(self, place: tuple[float, float], size: tuple[float, float], look: str, told: str = "") -> None:
        """A rectangle; ``told`` is its tooltip."""
        at = f'x="{place[0]:.1f}" y="{place[1]:.1f}" width="{max(0.0, size[0]):.1f}" height="{size[1]:.1f}"'
        self._add(f"rect {at}", look, told)

    def dot(self, place: tuple[float, float], look: str, *, radius: float = 3.5, told: str = "") -> None:
        """A round point."""
        self._add(f'circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="{radius:.1f}"', look, told)

    def cross(self, place: tuple[float, float], look: str, *, radius: float = 4, told: str = "") -> None:
        """An x, for what must be told from a dot without its colour."""
        (x, y), r = place, radius
        drawn = f"M{x - r:.1f} {y - r:.1f}L{x + r:.1f} {y + r:.1f}M{x - r:.1f} {y + r:.1f}L{x + r:.1f} {y - r:.1f}"
        self._add(f'path d="{drawn}"', look, told)

    def square(self, place: tuple[float, float], look: str, *, radius: float = 4, told: str = "") -> None:
        """A square on its tip."""
        (x, y), r = place, radius
        drawn = f"M{x:.1f} {y - r:.1f}L{x + r:.1f} {y:.1f}L{x:.1f} {y + r:.1f}L{x - r:.1f} {y:.1f}Z"
        self._add(f'path d="{drawn}"', look, told)

    def word(self, place: tuple[float, float], text: object, look: str = "word", anchor: Anchor = "start") -> None:
        """A line of text."""
        at = f'x="{place[0]:.1f}" y="{place[1]:.1f}"'
        side = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(f"<text {at}{side}{attributes(look, self.palette)}>{clean(text)}</text>")

    def _add(self, shape: str, look: str, told: str = "") -> None:
        name = shape.partition(" ")[0]
        inside = f"><title>{clean(told)}</title></{name}>" if told else "/>"
        self._parts.append(f"<{shape}{attributes(look, self.palette)}{inside}")

    def text(self) -> str:
        """The whole picture."""
        size = f'viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
        if self.palette != "page":
            size += f' width="{self.width:.0f}" height="{self.height:.0f}"'
            ground = f"<rect width='100%' height='100%'{attributes('paper', self.palette)}/>"
        else:
            ground = ""
        told = f"{self.title}. {self.description}" if self.description else self.title
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{clean(told)}"'
        font = "font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\""
        title = f"<title>{clean(self.title)}</title>" if self.palette != "page" else ""
        return f"{head} {font}>{title}{ground}{''.join(self._parts)}</svg>"
