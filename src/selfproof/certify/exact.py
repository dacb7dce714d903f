"""The exact path: where the samples are the whole population of interest, a difference needs no statistics.

For a test suite, or an instruction count on fixed inputs. A score averaged over *sampled* data is statistical even if
each sample is deterministic, and never comes here: a task says of itself that its samples are all there is. Every
sample is run twice; a result that does not repeat is not exact, and refuses the candidate. No alpha is spent.

Does not protect against: a population that is not what the user cares about; a program that repeats itself twice and
not the third time.
"""

from __future__ import annotations

import math

from selfproof.certify.terms import Answer, Pair, Rule, Verdict


class Exact:
    """Feed the differences of all samples in order, then all of them again; ``most_pairs`` is twice their number."""

    def __init__(self, rule: Rule) -> None:
        if rule.most_pairs < 2 or rule.most_pairs % 2:
            raise ValueError(f"the exact path runs every sample twice, got {rule.most_pairs} pairs")
        self.rule = rule
        self._pairs: list[Pair] = []

    def add(self, pair: Pair) -> Verdict:
        """Take the next pair.

        Raises:
            ValueError: its difference is not finite.
        """
        if not math.isfinite(pair.y):
            raise ValueError(f"a pair's difference must be finite, got {pair.y!r}")
        self._pairs.append(pair)
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        """The verdict after the pairs so far."""
        n, rule = len(self._pairs), self.rule
        half = rule.most_pairs // 2
        lost = sum(rule.loss is not None and pair.y < -rule.loss for pair in self._pairs[:half])
        answer: Answer = "undecided"
        reason = "not every sample has been run twice"
        if n > half and self._pairs[n - 1] != self._pairs[n - 1 - half]:
            answer, reason = "refused", "a sample's result did not repeat, so that nothing here is exact"
        elif n >= rule.most_pairs:
            better = math.fsum(pair.y for pair in self._pairs[:half]) / half > rule.minimum
            answer, reason = "refused", "not better on the whole population"
            if better and lost > rule.loss_rate * half:
                reason = f"better on the whole population, but {lost} of {half} samples lose too much"
            elif better:
                answer, reason = "certified", "better on the whole population, twice with the same results"
        return Verdict(answer, reason, n, 0.0, None, 0.0, None, lost)
