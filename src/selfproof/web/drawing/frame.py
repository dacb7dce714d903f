"""A chart's frame: axes with round numbers, a grid, names; and marks with intervals on it."""

from __future__ import annotations

from collections.abc import Sequence

from selfproof.web.drawing.scales import Scale, number
from selfproof.web.drawing.svg import Drawing, Palette

WIDTH, HEIGHT = 760.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 150.0, 18.0, 46.0
"""Room around the field; on the right for the words that name its lines."""

Bounds = tuple[float, float]
LINE_APART = 15.0


class Frame:
    """A field with two scales that shapes are drawn on in the units of the data."""

    def __init__(self, drawing: Drawing, x: Scale, y: Scale) -> None:
        self.drawing, self.x, self.y = drawing, x, y
        self._named: list[tuple[float, str, str]] = []

    @classmethod
    def of(
        cls, told: tuple[str, str], x: Bounds, y: Bounds, names: tuple[str, str], *,
        log: bool = False, palette: Palette = "page", height: float = HEIGHT, whole_x: bool = True,
    ) -> Frame:  # fmt: skip
        """An empty chart; ``told`` are its title and description, ``names`` those of its axes."""
        drawing = Drawing((WIDTH, height), *told, palette)
        across = Scale(x[0], x[1] if x[1] > x[0] else x[0] + 1, LEFT, WIDTH - RIGHT)
        up = Scale(y[0], y[1], height - BOTTOM, TOP, log)
        frame = cls(drawing, across, up)
        for tick in up.ticks:
            frame.level(tick, "grid")
            drawing.word((LEFT - 8, up.place(tick) + 4), number(tick, 3), "word", "end")
        for tick in across.ticks:
            if whole_x and tick != int(tick):
                continue
            drawing.line((across.place(tick), height - BOTTOM), (across.place(tick), height - BOTTOM + 4), "axis")
            drawing.word((across.place(tick), height - BOTTOM + 18), number(tick, 6), "word", "middle")
        drawing.line((LEFT, height - BOTTOM), (WIDTH - RIGHT, height - BOTTOM), "axis")
        drawing.word((LEFT, 11), names[1], "word")
        drawing.word(((LEFT + WIDTH - RIGHT) / 2, height - 8), names[0], "word", "middle")
        return frame

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point's place on paper."""
        return self.x.place(x), self.y.place(y)

    def level(self, y: float, look: str) -> None:
        """A line across the whole field."""
        self.drawing.line((self.x.start, self.y.place(y)), (self.x.end, self.y.place(y)), look)

    def line(self, points: Sequence[tuple[float, float]], look: str) -> None:
        """A line through points."""
        self.drawing.path([self.at(*point) for point in points], look)

    def steps(self, points: Sequence[tuple[float, float]], look: str) -> None:
        """A staircase: each value holds until the next."""
        drawn: list[tuple[float, float]] = []
        for x, y in points:
            if drawn:
                drawn.append((self.x.place(x), drawn[-1][1]))
            drawn.append(self.at(x, y))
        self.drawing.path(drawn, look)

    def step_band(self, rows: Sequence[tuple[float, float, float]], until: float, look: str = "band") -> None:
        """The same as a staircase: each interval holds until the next begins, the last ``until`` there."""
        ends = [row[0] for row in rows[1:]] + [until]
        for (x, low, high), end in zip(rows, ends, strict=True):
            self.drawing.box(
                (self.x.place(x), self.y.place(high)),
                (self.x.place(end) - self.x.place(x), self.y.place(low) - self.y.place(high)), look,
            )  # fmt: skip

    def band(self, rows: Sequence[tuple[float, float, float]], look: str = "band") -> None:
        """The room between low and high, from (x, low, high)."""
        over = [self.at(x, high) for x, _, high in rows]
        under = [self.at(x, low) for x, low, _ in reversed(rows)]
        self.drawing.path([*over, *under], look, closed=True)

    def whisker(self, x: float, low: float, high: float, look: str = "whisker") -> None:
        """An interval, with ends."""
        place = self.x.place(x)
        top, foot = self.y.place(high), self.y.place(low)
        self.drawing.line((place, foot), (place, top), look)
        for end in (top, foot):
            self.drawing.line((place - 4, end), (place + 4, end), look)

    def name(self, y: float, words: str, look: str = "word") -> None:
        """Words on the right for what lies at this height; they are spread when all are known."""
        self._named.append((self.y.place(y), words, look))

    def text(self) -> str:
        """The picture, its names so far apart that none lies on another."""
        last = -1e9
        for place, words, look in sorted(self._named):
            last = max(place, last + LINE_APART)
            self.drawing.word((self.x.end + 8, last + 4), words, look)
        return self.drawing.text()
