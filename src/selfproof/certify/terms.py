"""The nouns of certification: what is fixed before a test, what goes in, and what comes out. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Answer = Literal["certified", "uncertified", "refused", "undecided"]
Test = Literal["bet", "exact", "greedy", "greedy5", "ttest", "peek"]


@dataclass(frozen=True)
class Rule:
    """Everything that is fixed before the first pair of a confirmation is drawn.

    ``level`` is alpha_k, ``scale`` the frozen robust SD of y, ``minimum`` the least useful gain (unit of y),
    ``margin`` the mean loss that must be excluded and ``span`` the largest possible |difference| of one draw, both
    in the metric's unit; ``margin`` is None for metrics that are not means. A pair with y < -``loss`` is a loss event;
    with ``loss_rate`` below 1 their share must be shown to be smaller than that. ``test`` is "bet" (``certify.gate``);
    "exact" (see ``certify.exact``); or one of the rules that certify nothing (see ``certify.uncertified``).
    """

    level: float
    scale: float
    most_pairs: int
    minimum: float = 0.0
    margin: float | None = None
    span: float = 1.0
    loss: float | None = None
    loss_rate: float = 1.0
    test: Test = "bet"


@dataclass(frozen=True)
class Pair:
    """One fresh pair: ``y`` > 0 when the candidate is better; ``parts`` the differences of its single draws."""

    y: float
    parts: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the pairs so far say. Wealth is a natural logarithm, None where a rule does not ask for that bet."""

    answer: Answer
    reason: str
    pairs: int
    log_wealth: float
    log_mean_wealth: float | None
    log_threshold: float
    log_loss_wealth: float | None = None
    losses: int = 0


class Gate(Protocol):
    """Takes fresh pairs in order; its verdict is "undecided" until it is not."""

    def add(self, pair: Pair) -> Verdict:
        """Take the next pair."""

    @property
    def verdict(self) -> Verdict:
        """The verdict after the pairs so far."""


@dataclass(frozen=True)
class GuardResult:
    """``passed``: not worse than the margin; ``better``: shown to be better than the reference at the same level."""

    passed: bool
    better: bool
    log_wealth: float
    log_threshold: float
    draws: int


@dataclass(frozen=True)
class Level:
    """The k-th confirmation on ``counter``: its alpha_k (0 on the exact path), its test, the most pairs it may use."""

    counter: str
    k: int
    alpha: float
    test: Test
    most_pairs: int
