"""What is true in a simulated world: how many candidates are better, by how much, and how noisy a look at them is.

``null``       nobody is better.
``mixed``      5% are better and 20% worse, by .1 to 1 spreads (log-uniform); 75% are neutral.
``heavy``      the null world with heavy tails, whatever the family.
``skewed``     nobody is better in the plain mean, but nearly every draw looks so: many small gains paid by losses in
               20%, 5% or 1% of the draws, and a model made surer of itself than it should be. One kind by a name
               such as ``skewed:1%`` or ``skewed:sharper``; with ``mean=-margin`` each loses that much.
``drift``      the null world on a machine that changes while it measures.
``rare-loss``  a little better nearly always; 1% of the runs lose everything; the plain mean is 0.

Families of noise: ``B`` pass or fail, in a fifth of the pairs different; ``S`` a dense score with spread .05;
``H`` logarithms of ratios of times, heavy-tailed. Anything else is a file (``files``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from selfproof.nouns import UsageError
from selfproof.simulate.noise import (
    Draws,
    Drifting,
    Floats,
    Heavy,
    Noise,
    Normal,
    PassFail,
    RareLoss,
    Rng,
    columns,
    sharpened,
    skewed,
)

FAMILIES: dict[str, Noise] = {"B": PassFail(), "S": Normal(), "H": Heavy()}
NAMES = ("null", "mixed", "heavy", "skewed", "drift", "rare-loss")
SKEWED = {"20%": 0.2, "5%": 0.05, "1%": 0.01}
SHARPER = 1.5
MARGIN = 0.02
SPAN = 18.1
"""The margin in bits, and log2(28 / 1e-4), the largest difference of a draw: the apprentice's charter and task."""


@dataclass(frozen=True)
class Group:
    """A share of the candidates: their effects lie between ``low`` and ``high`` (log-uniform), with this sign."""

    share: float
    low: float = 0.0
    high: float = 0.0
    sign: float = 1.0
    noise: Noise | None = None
    """Its own noise, where it is not the world's; the effect is then the noise's own mean (``low`` = ``high``)."""


@dataclass(frozen=True)
class World:
    """Candidates come from ``groups`` at random. With a ``margin``, the second bet is asked for, on parts within span;
    with a ``loss_rate`` below 1 the third, against losing more than ``loss`` in that share of the pairs.

    An adoption is false if the effect is 0 or less, and harmful if it is below -``harm``.
    """

    name: str
    noise: Noise
    groups: tuple[Group, ...]
    margin: float | None = None
    span: float = 1.0
    harm: float = 0.0
    loss: float | None = None
    loss_rate: float = 1.0

    @property
    def noises(self) -> tuple[Noise, ...]:
        """The noise of each group."""
        return tuple(group.noise or self.noise for group in self.groups)

    def population(self, rng: Rng, count: int) -> tuple[npt.NDArray[np.intp], Floats]:
        """The group and the effect of each of ``count`` candidates."""
        shares = np.array([group.share for group in self.groups])
        kinds = rng.choice(len(self.groups), count, p=shares / shares.sum())
        low, high = (np.array([getattr(g, name) for g in self.groups])[kinds] for name in ("low", "high"))
        ratio = np.divide(high, low, out=np.ones(count), where=low > 0)
        signs = np.array([group.sign for group in self.groups])[kinds]
        return kinds, signs * low * ratio ** rng.random(count)

    def first_pairs(self, rng: Rng, kinds: npt.NDArray[np.intp], effects: Floats, pairs: int) -> Floats:
        """The first pairs of every candidate, shape (candidates, pairs)."""
        return columns(self.noises, rng, kinds, effects, pairs)


NULL = (Group(1.0),)
MIXED = (Group(0.75), Group(0.20, 0.1, 1.0, -1.0), Group(0.05, 0.1, 1.0))


def named(name: str, family: str = "S", *, block: int = 256, second_bet: bool = True, mean: float = 0.0) -> World:
    """One of the worlds above. ``block``, ``second_bet`` and ``mean`` (of a draw) are for the skewed ones.

    Raises:
        UsageError: no world or family is called so.
    """
    if family not in FAMILIES:
        raise UsageError(f"no family is called {family!r}", advice=f"Families: {', '.join(FAMILIES)}.")
    kind, _, part = name.partition(":")
    if kind == "skewed":
        return _skewed(name, part, block, second_bet, mean)
    simple = {
        "null": World(name, FAMILIES[family], NULL),
        "mixed": World(name, FAMILIES[family], MIXED),
        "heavy": World(name, Heavy(), NULL),
        "drift": World(name, Drifting(), NULL),
        "rare-loss": World(name, RareLoss(), NULL),
    }
    if name not in simple:
        raise UsageError(f"no world is called {name!r}", advice=f"Worlds: {', '.join(NAMES)}, or a TOML file.")
    return simple[name]


def _skewed(name: str, part: str, block: int, second_bet: bool, mean: float) -> World:
    noises: dict[str, Draws] = {key: skewed(rate, block, mean=mean) for key, rate in SKEWED.items()}
    noises["sharper"] = sharpened(SHARPER, block)
    if part:
        if part not in noises:
            raise UsageError(f"no skewed world is called {part!r}", advice=f"There are {', '.join(noises)}.")
        noises = {part: noises[part]}
    groups = tuple(_group(noise, mean) for noise in noises.values())
    return World(name, groups[0].noise or Normal(), groups, MARGIN if second_bet else None, SPAN, MARGIN)


def _group(noise: Draws, mean: float) -> Group:
    """A group whose effect is its noise's own mean, in the metric's unit; exactly ``mean`` where it was made for it."""
    effect = noise.mean if abs(noise.mean - mean) > 1e-9 else mean
    return Group(1.0, abs(effect), abs(effect), -1.0 if effect < 0 else 1.0, noise)
