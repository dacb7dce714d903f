"""Where to spend the next minute: the objective with the highest certified gain per second, fairly estimated.

Gains are logarithms of the ratio by which a metric improved, so that bits and seconds can be compared. Old evidence
fades with a half-life of twenty seconds of attention; an objective that was never tried starts with hope, not with a
record.
"""

from __future__ import annotations

from dataclasses import dataclass

HOPE = 0.03
HALF_LIFE_S = 20.0


@dataclass
class Record:
    """Faded sums of gain and seconds."""

    gain: float = 0.0
    seconds: float = 0.0

    def rate(self) -> float:
        """Gain per second, with one second's hope on top."""
        return (self.gain + HOPE) / (self.seconds + 1.0)


class Attention:
    """Choose among objectives by weight times rate."""

    def __init__(self, weights: dict[str, float]) -> None:
        self._weights = weights
        self._records = {name: Record() for name in weights}

    def choose(self, open_names: set[str]) -> str:
        """The most promising of the objectives that still have something to try."""
        order = [name for name in self._weights if name in open_names]
        return max(order, key=lambda name: self._weights[name] * self._records[name].rate())

    def spent(self, name: str, seconds: float, gain: float) -> None:
        """A visit took ``seconds`` and brought a certified log-gain (0 if nothing was adopted)."""
        record = self._records[name]
        fade = 0.5 ** (seconds / HALF_LIFE_S)
        record.seconds = fade * record.seconds + seconds
        record.gain = fade * record.gain + gain
