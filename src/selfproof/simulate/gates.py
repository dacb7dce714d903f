"""Who decides, by name. The gates of selfproof are the very classes that run in a life.

``race``         race, then a confirmation by bets on fresh pairs, its level spent by confirmation (the real gate)
``race-fdr``     the same with e-LOND's levels: the share of false ones among the adopted is bounded
``race-unspent`` the same with every confirmation at alpha itself: what spending is for
``bet``          no race: every candidate is confirmed, after 8 pairs for the scale
``greedy``       one pair is better; ``greedy5``: the mean of five is
``ttest``        30 pairs, p < .05; ``ttest-peek``: looks from 5 to 100 pairs and takes the first p < .05
``ttest-spend``  30 pairs, the level spent over candidates as the gate spends it over confirmations
``sgm``          30 pairs, empirical Bernstein bound above 0, harmonic spending, after SGM (arXiv 2510.10232)
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from selfproof.certify import spending
from selfproof.certify.judging import gate_for
from selfproof.certify.race import PRESETS, Preset, standing
from selfproof.certify.scale import robust_scale
from selfproof.certify.terms import Pair, Rule, Test, Verdict
from selfproof.certify.uncertified import PAIRS
from selfproof.nouns import UsageError
from selfproof.simulate.exactly import bernstein_radius, student_tail
from selfproof.simulate.noise import Noise, Rng
from selfproof.simulate.worlds import World

NAMES = ("race", "race-fdr", "race-unspent", "bet", "greedy", "greedy5", "ttest", "ttest-peek", "ttest-spend", "sgm")
ALPHA = 0.05
FIXED = 30
FOR_SCALE = 8
PANEL_LIFE = 200
"""A cached race panel is drawn anew after so many candidates."""
_AHEAD = 16


class Candidate:
    """One candidate as a gate sees it: differences for the race, fresh pairs for a decision."""

    __slots__ = ("_at", "_early", "_noise", "_rng", "effect")

    def __init__(self, noise: Noise, effect: float, rng: Rng, early: list[float] | None = None) -> None:
        self.effect = effect
        self._noise, self._rng = noise, rng
        self._early, self._at = early or [], 0

    def difference(self) -> float:
        """The next difference on exploration seeds."""
        if self._at >= len(self._early):
            more = self._noise.draw(self._rng, np.full((1, 1), self.effect), _AHEAD)
            self._early = self._early + more[0].tolist()
        self._at += 1
        return self._early[self._at - 1]

    def fresh(self) -> Iterator[Pair]:
        """Fresh pairs without end."""
        while True:
            yield from self._noise.pairs(self._rng, self.effect, _AHEAD)


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a candidate, and how many runs of a program that took (a pair is two)."""

    adopted: bool
    runs: float
    verdict: Verdict | None = None


class Gate(Protocol):
    """Decides on one candidate after the other, over a whole life."""

    first: int
    """How many differences nearly every candidate needs: they are drawn at once."""

    def play(self, candidate: Candidate) -> Played:
        """Decide."""


class Race:
    """The gate: race, scale, confirmation, and k counted for each objective."""

    first = 4

    def __init__(
        self, world: World, preset: Preset, *, fdr: bool = False, spends: bool = True, cached: bool = False,
        alpha: float = ALPHA, objectives: int = 1,
    ) -> None:  # fmt: skip
        self.world, self.preset, self.alpha = world, preset, alpha
        self.fdr, self.spends, self.cached = fdr, spends, cached
        shares = spending.weights(objectives)
        # One objective alone gets all of alpha here, so that the bound is as tight as it can be.
        self.weights = [share / math.fsum(shares) for share in shares]
        self.k = [0] * objectives
        self.adoptions = [0] * objectives
        self._panel = preset.most_pairs / PANEL_LIFE if cached else 0.0

    def play(self, candidate: Candidate) -> Played:
        """Race, and if it is through, confirm."""
        differences = self.race(candidate)
        runs = self.race_runs(differences)
        if not self.wins(differences):
            return Played(False, runs)
        verdict = self.confirm(self.open(differences), candidate.fresh())
        return Played(verdict.answer == "certified", runs + 2 * verdict.pairs, verdict)

    def race_runs(self, differences: list[float]) -> float:
        """What a race cost: one run a pair where the incumbent's are cached, and a share of the panel's own."""
        return len(differences) * (1 if self.cached else 2) + self._panel

    def wins(self, differences: list[float]) -> bool:
        """Whether a race that ended so deserves a confirmation."""
        return standing(self.preset, differences) == "through"

    def race(self, candidate: Candidate) -> list[float]:
        """All differences up to the one that ends the race."""
        differences = [candidate.difference()]
        while standing(self.preset, differences) == "on":
            differences.append(candidate.difference())
        return differences

    def next_level(self, objective: int = 0) -> float:
        """The level of the next confirmation."""
        if not self.spends:
            return self.alpha
        found = self.adoptions[objective] if self.fdr else 0
        return spending.level(self.alpha, self.weights[objective], self.k[objective] + 1, fdr_adoptions=found)

    def open(self, differences: list[float], objective: int = 0) -> Rule:
        """Fix the rule of a confirmation; its alpha is spent from here on, whatever happens."""
        level = self.next_level(objective)
        self.k[objective] += 1
        return self.rule(level, differences)

    def rule(self, level: float, differences: list[float]) -> Rule:
        """The rule at this level with the scale of these differences."""
        scale = robust_scale(differences, declared_range=self.world.span)
        world = self.world
        return Rule(
            level, scale, self.preset.confirm_pairs, margin=world.margin, span=world.span, loss=world.loss,
            loss_rate=world.loss_rate,
        )  # fmt: skip

    def confirm(self, rule: Rule, fresh: Iterator[Pair], objective: int = 0) -> Verdict:
        """Feed fresh pairs until the gate decides."""
        gate = gate_for(rule)
        verdict = gate.verdict
        while verdict.answer == "undecided":
            verdict = gate.add(next(fresh))
        self.adoptions[objective] += verdict.answer == "certified"
        return verdict


class Bet(Race):
    """Every candidate is confirmed; k counts candidates."""

    first = FOR_SCALE

    def race(self, candidate: Candidate) -> list[float]:
        """Only what the scale needs."""
        return [candidate.difference() for _ in range(FOR_SCALE)]

    def wins(self, differences: list[float]) -> bool:
        """There is no race to lose."""
        return True


class Uncertified:
    """The rules of ``certify.uncertified``."""

    def __init__(self, test: Test, first: int) -> None:
        self.first = first
        self._rule = Rule(0.05, 1.0, PAIRS[test][1], test=test)

    def play(self, candidate: Candidate) -> Played:
        """Feed differences until the rule decides."""
        gate = gate_for(self._rule)
        verdict = gate.verdict
        while verdict.answer == "undecided":
            verdict = gate.add(Pair(candidate.difference()))
        return Played(verdict.answer == "uncertified", 2.0 * verdict.pairs, verdict)


class Spent:
    """A paired t-test of 30 pairs at ``alpha * gamma_k``, k counting candidates."""

    first = FIXED

    def __init__(self, alpha: float = ALPHA) -> None:
        self.alpha, self.k = alpha, 0

    def play(self, candidate: Candidate) -> Played:
        """Test."""
        self.k += 1
        values = [candidate.difference() for _ in range(FIXED)]
        mean, spread = statistics.fmean(values), _spread(values)
        t = mean * math.sqrt(FIXED) / spread if spread else math.copysign(math.inf, mean) if mean else 0.0
        # Below t = 2 no level of a spending sequence is reached: p is at least .027.
        accepted = t > 2 and student_tail(t, FIXED - 1) < spending.level(self.alpha, 1.0, self.k)
        return Played(accepted, 2.0 * FIXED)


class Sgm:
    """Empirical Bernstein bound of 30 differences on [-1, 1] at ``alpha / (k H)``, H the harmonic number of the life.

    To know its horizon is in its favour: a harmonic series has no finite sum.
    """

    first = FIXED

    def __init__(self, candidates: int, alpha: float = ALPHA) -> None:
        self.alpha, self.k = alpha, 0
        self._total = math.fsum(1 / k for k in range(1, candidates + 1))

    def play(self, candidate: Candidate) -> Played:
        """Test."""
        self.k += 1
        values = [max(-1.0, min(1.0, candidate.difference())) for _ in range(FIXED)]
        radius = bernstein_radius(_spread(values) ** 2, FIXED, self.alpha / (self.k * self._total), width=2.0)
        return Played(statistics.fmean(values) > radius, 2.0 * FIXED)


def _spread(values: list[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


Maker = Callable[[World, int], Gate]
"""Makes a gate for a new life in a world, that will see so many candidates."""


def maker(name: str, preset: str = "lean", *, cached: bool = False) -> Maker:
    """How to make the gate of this name.

    Raises:
        UsageError: no gate or preset is called so.
    """
    if preset not in PRESETS:
        raise UsageError(f"no preset is called {preset!r}", advice=f"Presets: {', '.join(PRESETS)}.")
    chosen = PRESETS[preset]
    makers: dict[str, Maker] = {
        "race": lambda world, _: Race(world, chosen, cached=cached),
        "race-fdr": lambda world, _: Race(world, chosen, fdr=True, cached=cached),
        "race-unspent": lambda world, _: Race(world, chosen, spends=False, cached=cached),
        "bet": lambda world, _: Bet(world, chosen),
        "greedy": lambda *_: Uncertified("greedy", 1),
        "greedy5": lambda *_: Uncertified("greedy5", 5),
        "ttest": lambda *_: Uncertified("ttest", 30),
        "ttest-peek": lambda *_: Uncertified("peek", 16),
        "ttest-spend": lambda *_: Spent(),
        "sgm": lambda _, candidates: Sgm(candidates),
    }
    if name not in makers:
        raise UsageError(f"no gate is called {name!r}", advice=f"Gates: {', '.join(NAMES)}.")
    return makers[name]
