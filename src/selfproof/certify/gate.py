"""The gate: pairs in, verdict out. No clock, no disk, no randomness.

``improve``  bets that the clipped difference ``z = clip((y - d_min) / (1.5 S), -1, 1)`` has a mean above 0 on fresh
             pairs; certified once the wealth reaches ``1 / alpha_k``.
``mean``     for metrics that are means: a second bet, on the unclipped differences of the single draws in units of
             the metric's range, against a mean loss larger than the margin. Both bets must reach ``1 / alpha_k``.
``futility`` ends a confirmation that will not get there. It costs power, never validity.

A pair's ``parts`` are independent draws from the pool (the engine checks that a candidate's answer to one draw does
not depend on its neighbours), so each is a bet of its own.

Does not protect against: losses rarer than the blind spot q* (printed with every certificate); a metric that is not
what the user cares about; a harness within the candidate's reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from selfproof.certify.betting import Wealth
from selfproof.certify.scale import clipped

FUTILITY_WEALTH = math.log(5.0)
FUTILITY_FROM = 8

Answer = Literal["certified", "refused", "undecided"]


@dataclass(frozen=True)
class Rule:
    """Everything that is fixed before the first pair of a confirmation is drawn.

    ``level`` is alpha_k, ``scale`` the frozen robust SD of y, ``minimum`` the least useful gain (unit of y),
    ``margin`` the mean loss that must be excluded and ``span`` the largest possible |difference| of one draw, both
    in the metric's unit; ``margin`` is None for metrics that are not means.
    """

    level: float
    scale: float
    most_pairs: int
    minimum: float = 0.0
    margin: float | None = None
    span: float = 1.0


@dataclass(frozen=True)
class Pair:
    """One fresh pair: ``y`` > 0 when the candidate is better; ``parts`` the differences of its single draws."""

    y: float
    parts: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the pairs so far say."""

    answer: Answer
    reason: str
    pairs: int
    log_wealth: float
    log_mean_wealth: float | None
    log_threshold: float


class Confirmation:
    """One confirmation: feed fresh pairs in order until the verdict is no longer ``undecided``."""

    def __init__(self, rule: Rule) -> None:
        if not 0.0 < rule.level < 1.0 or not 0.0 < rule.scale < math.inf:
            raise ValueError(f"a confirmation needs 0 < level < 1 and a finite scale > 0, got {rule}")
        if rule.margin is not None and not 0.0 < rule.margin < rule.span:
            raise ValueError(f"the margin must lie between 0 and the metric's span, got {rule}")
        self.rule = rule
        self._improve = Wealth()
        self._mean = Wealth()
        self._z: list[float] = []

    def add(self, pair: Pair) -> Verdict:
        """Take the next pair.

        Raises:
            ValueError: a value is not finite, a part lies outside the span, or parts are missing for a mean metric.
        """
        rule = self.rule
        if not math.isfinite(pair.y):
            raise ValueError(f"a pair's difference must be finite, got {pair.y!r}")
        outcome = clipped(pair.y - rule.minimum, rule.scale)
        if rule.margin is not None:
            self._bet_on_mean(pair.parts, rule.margin)
        self._improve.bet(outcome)
        self._z.append(outcome)
        return self.verdict

    def _bet_on_mean(self, parts: Sequence[float], margin: float) -> None:
        if not parts:
            raise ValueError("a mean metric needs the differences of the single draws")
        span = self.rule.span
        if not all(-span <= part <= span for part in parts):
            raise ValueError(f"a draw's difference lies outside the metric's span of {span}")
        for part in parts:
            self._mean.bet((part + margin) / (span - margin))

    @property
    def verdict(self) -> Verdict:
        """The verdict after the pairs so far."""
        rule = self.rule
        threshold = -math.log(rule.level)
        improve = self._improve.log
        mean = self._mean.log if rule.margin is not None else None
        answer: Answer = "undecided"
        reason = "the bound is not reached yet"
        if improve >= threshold and (mean is None or mean >= threshold):
            answer = "certified"
            reason = "both bets reached their line" if mean is not None else "the bet reached its line"
        elif self._futile():
            answer, reason = "refused", "no sign of a gain worth waiting for"
        elif len(self._z) >= rule.most_pairs:
            answer = "refused"
            reason = "not shown within the pairs allowed"
            if improve >= threshold:
                reason = "better in the typical case, but a loss in the mean is not excluded"
        return Verdict(answer, reason, len(self._z), improve, mean, threshold)

    def _futile(self) -> bool:
        """A mirror bet that the clipped mean is below .4 of its own spread (at least .1)."""
        n = len(self._z)
        if n < FUTILITY_FROM:
            return False
        centre = math.fsum(self._z) / n
        spread = math.sqrt(math.fsum((z - centre) ** 2 for z in self._z) / (n - 1))
        least = max(0.1, 0.4 * spread)
        mirror = Wealth()
        for z in self._z:
            mirror.bet(-(z - least) / (1.0 + least))
        return mirror.log >= FUTILITY_WEALTH


def judge(rule: Rule, pairs: Sequence[Pair]) -> Verdict:
    """The verdict on ``pairs``, taken in order up to the first that decides; what an auditor recomputes."""
    confirmation = Confirmation(rule)
    for pair in pairs:
        verdict = confirmation.add(pair)
        if verdict.answer != "undecided":
            return verdict
    return confirmation.verdict
