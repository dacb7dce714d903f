"""Where to spend the next minute: the objective with the highest certified gain per second, fairly estimated.

Gains are logarithms of the ratio by which a metric improved, so that bits and seconds can be compared. Old evidence
fades with a half-life of a minute, whatever that minute was spent on: what was left alone for long is tried again. An
objective that was never tried starts with hope, not with a record. Half of the time is everybody's, by weight: what
gains fast at the moment cannot starve what would gain later.
"""

from __future__ import annotations

from dataclasses import dataclass

HOPE = 0.03
HALF_LIFE_S = 60.0
FLOOR = 0.5
"""Share of the time that is shared by weights alone."""
START_S = 20.0
"""Seconds after which it is: the first ones are not split, so that the first gain comes soon."""


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
        """Of the objectives that still have something to try whichever is left behind, else the most promising one."""
        order = [name for name in self._weights if name in open_names]
        whole = sum(self._weights[name] for name in order) or 1.0
        spent = sum(self._records[name].seconds for name in order)
        behind = {name: FLOOR * spent * self._weights[name] / whole - self._records[name].seconds for name in order}
        last = max(order, key=lambda name: behind[name])
        if spent >= START_S and behind[last] > 0.0:
            return last
        return max(order, key=lambda name: self._weights[name] * self._records[name].rate())

    def spent(self, name: str, seconds: float, gain: float) -> None:
        """A visit took ``seconds`` and brought a certified log-gain (0 if nothing was adopted)."""
        fade = 0.5 ** (seconds / HALF_LIFE_S)
        for record in self._records.values():
            record.seconds *= fade
            record.gain *= fade
        self._records[name].seconds += seconds
        self._records[name].gain += gain
