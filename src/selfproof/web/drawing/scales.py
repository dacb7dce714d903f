"""From a quantity to a place on paper: linear and logarithmic scales with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MOST_POWERS = 6  # labelled powers of ten on one axis


def number(value: float, digits: int = 4) -> str:
    """A number for a person: no more digits than say something, large and small ones as powers."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, _, power = f"{value:.{max(0, digits - 2)}e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(power)}"
    if abs(value) >= 1000:
        return f"{float(f'{value:.{digits}g}'):,.0f}"
    return f"{value:.{digits}g}"


@dataclass(frozen=True)
class Scale:
    """``low`` lies at the place ``start``, ``high`` at ``end``; ``log`` takes logarithms of both."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies; what is outside comes to lie on the border."""
        low, high, at = (self._of(v) for v in (self.low, self.high, value))
        share = (at - low) / (high - low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def _of(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value

    @property
    def ticks(self) -> list[float]:
        """Round numbers between low and high."""
        return self._powers() if self.log else _round_numbers(self.low, self.high)

    def _powers(self) -> list[float]:
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        every = max(1, math.ceil((last - first + 1) / MOST_POWERS))
        parts = (1.0, 2.0, 5.0) if last - first < 2 else (1.0,)
        marks = [10.0**power * part for power in range(first - 1, last + 1) if power % every == 0 for part in parts]
        inside = [mark for mark in marks if self.low <= mark * (1 + 1e-9) and mark <= self.high * (1 + 1e-9)]
        return inside if len(inside) > 1 else [self.low, self.high]


def _round_numbers(low: float, high: float, wanted: int = 5) -> list[float]:
    step = 10 ** math.floor(math.log10((high - low) / wanted))
    step *= next(m for m in (1, 2, 2.5, 5, 10) if (high - low) / (step * m) <= wanted + 0.5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def around(values: Iterable[float], *, room: float = 0.06) -> tuple[float, float]:
    """Bounds that hold all finite values with some room; never of width 0."""
    known = [v for v in values if math.isfinite(v)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    margin = (high - low) * room or abs(high) * room or 1.0
    return low - margin, high + margin
