"""The gate: pairs in, verdict out. No clock, no disk, no randomness.

``improve``  bets that the clipped difference ``z = clip((y - d_min) / (1.5 S), -1, 1)`` has a mean above 0 on fresh
             pairs; certified once the wealth reaches ``1 / alpha_k``.
``mean``     for metrics that are means: a second bet, on the unclipped differences of the single draws in units of
             the metric's range, against a mean loss larger than the margin.
``losses``   where the charter names a loss that must be rare: a third bet, against losing more than that in a share
             ``loss_rate`` of the pairs or more.
``futility`` ends a confirmation that will not get there. It costs power, never validity.

Every bet that a rule asks for must reach ``1 / alpha_k``; asking for more of them costs no alpha, since a change that
should not be adopted fails at least one, and that one alone is bounded by alpha_k.

A pair's ``parts`` are draws from the pool, independent within a pair (the engine checks that a candidate's answer to
one draw does not depend on its neighbours), so each is a bet of its own. They may be stratified: over a whole pair
``E prod (1 + l x_i) <= exp(l sum E x_i) <= 1``, and verdicts are asked for after whole pairs only.

Does not protect against: losses rarer than the blind spot q* (printed with every certificate); a metric that is not
what the user cares about; a harness within the candidate's reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from selfproof.certify.betting import Wealth
from selfproof.certify.scale import clipped
from selfproof.certify.terms import Answer, Pair, Rule, Verdict

FUTILITY_WEALTH = math.log(5.0)
FUTILITY_FROM = 8


class Confirmation:
    """One confirmation by bets: feed fresh pairs in order until the verdict is no longer ``undecided``."""

    def __init__(self, rule: Rule) -> None:
        if not 0.0 < rule.level < 1.0 or not 0.0 < rule.scale < math.inf:
            raise ValueError(f"a confirmation needs 0 < level < 1 and a finite scale > 0, got {rule}")
        if rule.margin is not None and not 0.0 < rule.margin < rule.span:
            raise ValueError(f"the margin must lie between 0 and the metric's span, got {rule}")
        if not 0.0 < rule.loss_rate <= 1.0 or (rule.loss_rate < 1.0 and rule.loss is None):
            raise ValueError(f"a loss rate lies above 0 and at most at 1, and needs a loss, got {rule}")
        self.rule = rule
        self._threshold = -math.log(rule.level)
        self._improve = Wealth()
        self._mean = Wealth() if rule.margin is not None else None
        self._rare = Wealth() if rule.loss_rate < 1.0 else None
        self._futility = Futility()
        self._pairs = self._losses = 0

    def add(self, pair: Pair) -> Verdict:
        """Take the next pair.

        Raises:
            ValueError: a value is not finite, a part lies outside the span, or parts are missing for a mean metric.
        """
        self.take(pair)
        return self.verdict

    def take(self, pair: Pair) -> None:
        """Take the next pair without asking for the verdict: a part of a longer sequence."""
        rule = self.rule
        if not math.isfinite(pair.y):
            raise ValueError(f"a pair's difference must be finite, got {pair.y!r}")
        outcome = clipped(pair.y - rule.minimum, rule.scale)
        if self._mean is not None and rule.margin is not None:
            _bet_on_mean(self._mean, pair.parts, rule.margin, rule.span)
        lost = rule.loss is not None and pair.y < -rule.loss
        if self._rare is not None:
            self._rare.bet((rule.loss_rate - lost) / (1.0 - rule.loss_rate))
        self._improve.bet(outcome)
        self._futility.add(outcome)
        self._losses += lost
        self._pairs += 1

    @property
    def verdict(self) -> Verdict:
        """The verdict after the pairs so far."""
        line = self._threshold
        improve = self._improve.log
        mean = self._mean.log if self._mean is not None else None
        rare = self._rare.log if self._rare is not None else None
        answer: Answer = "undecided"
        reason = "the bound is not reached yet"
        others = [(mean, "a loss in the mean is not excluded"), (rare, "large losses may not be rare enough")]
        short = [why for wealth, why in others if wealth is not None and wealth < line]
        if improve >= line and not short:
            answer, reason = "certified", "the bet reached its line" if self._alone else "all bets reached their line"
        elif self._futility.reached:
            answer, reason = "refused", "no sign of a gain worth waiting for"
        elif self._pairs >= self.rule.most_pairs:
            answer, reason = "refused", "not shown within the pairs allowed"
            if improve >= line:
                reason = f"better in the typical case, but {' and '.join(short)}"
        return Verdict(answer, reason, self._pairs, improve, mean, line, rare, self._losses)

    @property
    def _alone(self) -> bool:
        return self._mean is None and self._rare is None


def _bet_on_mean(wealth: Wealth, parts: Sequence[float], margin: float, span: float) -> None:
    if not parts:
        raise ValueError("a mean metric needs the differences of the single draws")
    if not all(-span <= part <= span for part in parts):
        raise ValueError(f"a draw's difference lies outside the metric's span of {span}")
    for part in parts:
        wealth.bet((part + margin) / (span - margin))


class Futility:
    """A mirror bet that the clipped mean is below .4 of its own spread so far (at least .1): "not worth waiting"."""

    __slots__ = ("_mirror", "_n", "_squares", "_sum")

    def __init__(self) -> None:
        self._mirror = Wealth()
        self._n, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, outcome: float) -> None:
        """Take the next clipped outcome."""
        n = self._n
        spread = math.sqrt(max(0.0, (self._squares - self._sum**2 / n) / (n - 1))) if n > 1 else 0.0
        least = max(0.1, 0.4 * spread)
        self._mirror.bet((least - outcome) / (1.0 + least))
        self._n, self._sum, self._squares = n + 1, self._sum + outcome, self._squares + outcome**2

    @property
    def reached(self) -> bool:
        """Whether to give up."""
        return self._n >= FUTILITY_FROM and self._mirror.log >= FUTILITY_WEALTH
