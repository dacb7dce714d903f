"""Rules of acceptance that people use and that prove nothing: for comparison, and where a charter insists.

``greedy``   keep it if one pair is better: what hill climbers do.
``greedy5``  keep it if the mean of five pairs is better.
``ttest``    30 pairs, one-sided paired t-test, p < .05 for each candidate by itself.
``peek``     the same test after each of 5 .. 100 pairs, taking the first that is "significant".

All give up at the rule's ``most_pairs``.
Their answer is "uncertified", never "certified". `selfproof simulate` shows what they would do to a program.

Does not protect against: anything. In a world where nothing is better each of them adopts something with near
certainty (docs/gate.md).
"""

from __future__ import annotations

import math
from bisect import bisect_right

from selfproof.certify.terms import Answer, Pair, Rule, Verdict

PAIRS = {"greedy": (1, 1), "greedy5": (5, 5), "ttest": (30, 30), "peek": (5, 100)}
"""For each rule the pairs after which it first and last looks."""

QUANTILE = {5: 2.132, 6: 2.015, 7: 1.943, 8: 1.895, 9: 1.860, 10: 1.833, 12: 1.796, 15: 1.761, 20: 1.729, 30: 1.699,
            60: 1.671, 100: 1.660}  # fmt: skip
"""The one-sided 5% quantile of Student's t, by the number of pairs; between two of them the larger is used."""
_SIZES = sorted(QUANTILE)


class Uncertified:
    """Feed fresh pairs in order until the verdict is no longer ``undecided``."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._first, last = PAIRS[rule.test]
        self._last = min(last, rule.most_pairs)
        self._n, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, pair: Pair) -> Verdict:
        """Take the next pair.

        Raises:
            ValueError: its difference is not finite.
        """
        if not math.isfinite(pair.y):
            raise ValueError(f"a pair's difference must be finite, got {pair.y!r}")
        y = pair.y - self.rule.minimum
        self._n, self._sum, self._squares = self._n + 1, self._sum + y, self._squares + y * y
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        """The verdict after the pairs so far."""
        answer: Answer = "undecided"
        if self._n >= self._first and self._accepts():
            answer = "uncertified"
        elif self._n >= self._last:
            answer = "refused"
        reason = {"uncertified": "accepted by a rule that proves nothing", "refused": "not better by this rule"}
        return Verdict(answer, reason.get(answer, "not enough pairs yet"), self._n, 0.0, None, 0.0)

    def _accepts(self) -> bool:
        if self.rule.test in {"greedy", "greedy5"}:
            return self._sum > 0
        n = self._n
        variance = max(0.0, (self._squares - self._sum**2 / n) / (n - 1))
        quantile = QUANTILE[_SIZES[bisect_right(_SIZES, n) - 1]]
        return self._sum / n > quantile * math.sqrt(variance / n)
