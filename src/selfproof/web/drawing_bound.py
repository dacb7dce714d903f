"""A small picture of a bet: its wealth, pair by pair, and the line that it has to reach. Classes only, no style."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 640.0, 120.0


def picture(bound: dict[str, Any]) -> Markup:
    """An SVG; what it shows is told in words beside it."""
    steps: list[tuple[float, float]] = [(0.0, 0.0), *bound["steps"]]
    line = float(bound["line"])
    most = max([line * 1.12, *(wealth for _, wealth in steps)])
    least = min(0.0, -0.15 * line, *(wealth for _, wealth in steps))
    last = max(8.0, *(pairs for pairs, _ in steps))

    def at(pairs: float, wealth: float) -> tuple[float, float]:
        return round(pairs / last * WIDTH, 1), round(HEIGHT - (wealth - least) / (most - least) * HEIGHT, 1)

    points = " ".join("{},{}".format(*at(*step)) for step in steps)
    x, y = at(*steps[-1])
    reached, zero = at(0, line)[1], at(0, 0)[1]
    return Markup(
        '<svg class="bound" viewBox="0 0 {w} {h}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<line class="zero" x1="0" x2="{w}" y1="{zero}" y2="{zero}"/>'
        '<line class="line" x1="0" x2="{w}" y1="{reached}" y2="{reached}"/>'
        '<polyline class="wealth" points="{points}"/><circle class="end" cx="{x}" cy="{y}" r="4"/></svg>'
    ).format(w=WIDTH, h=HEIGHT, zero=zero, reached=reached, points=points, x=x, y=y)
