"""What a measurement adds to the truth: paired differences, drawn in bulk.

An effect d is the mean paired difference in units of its spread: the standard deviation, or for heavy tails, where a
few outliers are most of that, the robust one (1.4826 MAD). Arrays of effects have shape (candidates, 1); a draw has
shape (candidates, pairs).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from selfproof.certify.terms import Pair

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

HEAVY_SPREAD = 1.191
"""1.4826 MAD of Student's t with 2.5 degrees of freedom and 2% spikes of ten times a normal's size (by sampling)."""


class Noise(Protocol):
    """Draws the differences of pairs; positive is better."""

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """Differences of the next pairs of each candidate, in the metric's unit."""

    def pairs(self, rng: Rng, effect: float, count: int) -> list[Pair]:
        """The next pairs of one candidate, with the parts that a bet on the mean needs."""


class Plain(ABC):
    """Noise whose pairs have no parts."""

    @abstractmethod
    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``."""

    def pairs(self, rng: Rng, effect: float, count: int) -> list[Pair]:
        """See ``Noise``."""
        return [Pair(y) for y in self.draw(rng, np.full((1, 1), effect), count)[0].tolist()]


@dataclass(frozen=True)
class Normal(Plain):
    """A dense score."""

    sd: float = 0.05

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``."""
        drawn: Floats = self.sd * (effects + rng.standard_normal((len(effects), pairs)))
        return drawn


@dataclass(frozen=True)
class PassFail(Plain):
    """Pass or fail: -1, 0 or 1. A share ``discordance`` of the pairs differs, or as many as the effect needs."""

    discordance: float = 0.2

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``."""
        square = effects * effects
        share = np.maximum(self.discordance, square / (1 + square))
        mean = effects * np.sqrt(share / (1 + square))
        at = rng.random((len(effects), pairs))
        drawn: Floats = (at < (share + mean) / 2).astype(float) - (at > 1 - (share - mean) / 2)
        return drawn


@dataclass(frozen=True)
class Heavy(Plain):
    """Logarithms of ratios of times: Student's t with ``freedom`` degrees, and spikes ten times as large."""

    sd: float = 0.02
    freedom: float = 2.5
    spikes: float = 0.02

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``."""
        shape = (len(effects), pairs)
        noise = rng.standard_t(self.freedom, shape)
        hit = rng.random(shape) < self.spikes
        noise[hit] += 10 * rng.standard_normal(int(hit.sum()))
        return self.sd * (effects + noise / HEAVY_SPREAD)


@dataclass(frozen=True)
class Drifting(Plain):
    """A machine that changes while it measures; the order of the two runs in each pair is random.

    The level of noise walks (its logarithm by ``restless`` for each pair), and so does what the second run of a pair
    costs more than the first. Each visit to the machine begins with a warm-up of ten pairs.
    """

    sd: float = 0.02
    restless: float = 0.2

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``."""
        shape = (len(effects), pairs)
        level = np.exp(np.cumsum(self.restless * rng.standard_normal(shape), axis=1))
        later = np.cumsum(rng.standard_normal(shape), axis=1) + 5 * np.exp(-np.arange(pairs) / 10)
        order = np.where(rng.random(shape) < 0.5, 1.0, -1.0)
        drawn: Floats = self.sd * (effects + order * later + level * rng.standard_normal(shape))
        return drawn


@dataclass(frozen=True)
class RareLoss(Plain):
    """Nearly always a little better by ``gain``; in a share ``rate`` of the runs everything is lost: 1."""

    gain: float = 0.01
    rate: float = 0.01
    sd: float = 0.01

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``; the effect is the loss rate's alone."""
        shape = (len(effects), pairs)
        usual = self.gain + self.sd * rng.standard_normal(shape)
        return np.where(rng.random(shape) < self.rate, -1.0, usual)


@dataclass(frozen=True)
class Draws:
    """Pairs that are means of ``block`` independent draws from a finite list of differences."""

    values: tuple[float, ...]
    chances: tuple[float, ...]
    block: int = 1

    @property
    def mean(self) -> float:
        """The mean difference of a draw."""
        return math.fsum(v * p for v, p in zip(self.values, self.chances, strict=True))

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``; the list alone says what the effect is."""
        values, shape = np.array(self.values), (len(effects), pairs)
        if self.block == 1:
            return values[rng.choice(len(values), shape, p=self.chances)]
        means: Floats = rng.multinomial(self.block, self.chances, shape) @ values / self.block
        return means

    def pairs(self, rng: Rng, effect: float, count: int) -> list[Pair]:
        """See ``Noise``."""
        del effect
        values = np.array(self.values)
        rows = values[rng.choice(len(values), (count, self.block), p=self.chances)].tolist()
        return [Pair(math.fsum(row) / self.block, tuple(row)) for row in rows]


@dataclass(frozen=True)
class Measured(Plain):
    """Differences that somebody measured between two runs of the same program, centred and drawn again at random."""

    differences: tuple[float, ...]

    def draw(self, rng: Rng, effects: Floats, pairs: int) -> Floats:
        """See ``Noise``."""
        values = np.array(self.differences)
        centred = values - values.mean()
        drawn: Floats = effects * centred.std() + rng.choice(centred, (len(effects), pairs))
        return drawn


def skewed(rate: float, block: int, *, mean: float = 0.0, gain: float = 0.01) -> Draws:
    """Many small gains (around ``gain``) that losses in a share ``rate`` of the draws pay for, down to ``mean``."""
    gains = [gain * step for step in (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75)]
    loss = (mean - (1 - rate) * gain) / rate
    return Draws((*gains, loss), (*[(1 - rate) / len(gains)] * len(gains), rate), block)


def sharpened(power: float, block: int, floor: float = 1e-4, symbols: int = 28) -> Draws:
    """Log-loss in bits gained by raising a calibrated model's distributions to ``power``: worse by their divergence.

    As in a text, the model is rather sure at most places (60%), less so at others, and hardly knows at a tenth. A
    ``floor`` of uniform is mixed into both, as an engine does.
    """
    values, chances = [], []
    for share, steep in ((0.6, 3.0), (0.3, 1.5), (0.1, 0.6)):
        truth = _mixed(1 / np.arange(1, symbols + 1) ** steep, floor)
        sharper = _mixed(truth**power, floor)
        values += np.log2(sharper / truth).tolist()
        chances += (share * truth).tolist()
    total = math.fsum(chances)
    return Draws(tuple(values), tuple(chance / total for chance in chances), block)


def _mixed(weights: npt.NDArray[Any], floor: float) -> Floats:
    mixed: Floats = (1 - floor) * weights / weights.sum() + floor / len(weights)
    return mixed


def spread(noise: Noise, seed: int = 0) -> float:
    """The standard deviation of a difference, by sampling; for worlds that give effects in the metric's own unit."""
    return float(noise.draw(np.random.default_rng(seed), np.zeros((1, 1)), 20_000).std())


def columns(noises: Sequence[Noise], rng: Rng, kinds: npt.NDArray[np.intp], effects: Floats, pairs: int) -> Floats:
    """The first pairs of all candidates, each with the noise of its kind: shape (candidates, pairs)."""
    drawn = np.empty((len(effects), pairs))
    for kind, noise in enumerate(noises):
        mine = kinds == kind
        drawn[mine] = noise.draw(rng, effects[mine, None], pairs)
    return drawn
