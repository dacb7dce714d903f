"""The stream's tasks with a second source: beside the counts, a neural model's guess for each position. Trusted code.

The model learned the same text as the counts, before any passage, and does not learn on; its guess for a position uses
characters that stand before it and nothing else. What the program gets is that distribution: the rule that joins both
is its own. People's rules beside it get the same: the best of those without a model, interpolated with the model's
guess, with one weight and with a weight for each length of the longest match.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property

import numpy as np

from selfproof.nouns import Split
from selfproof.trial.task import Baseline, Sample

from . import neural, online, stream, tuning
from .corpora import CORPORA, NEWLINE, split
from .counts import Rows, Table
from .rules import Array, share

Guesses = dict[int, neural.Floats]


@cache
def model_of(corpus: str) -> neural.Neural:
    """The model of a corpus, trained once for this process."""
    return neural.trained(split(stream.sections(CORPORA[corpus]()), stream.SHARES)["learn"])


def before(drawn: stream.Windows, step: int) -> stream.Windows:
    """The characters before each passage's place at a step: (passages, CONTEXT)."""
    end = stream.PAST + step
    found = drawn[:, end - neural.CONTEXT : end]
    return np.where(found == stream.NOTHING, NEWLINE, found).astype(np.uint8)


class Reading(stream.Reading):
    """One trial's way through the passages, with the model's guess in every message."""

    def __init__(
        self, drawn: stream.Windows, table: Table, looked_up: dict[int, Rows], model: neural.Neural, guesses: Guesses
    ) -> None:
        super().__init__(drawn, table, looked_up)
        self.model, self.guesses = model, guesses

    def guess(self) -> neural.Floats:
        """The model's distribution for this step; made once for all trials on the sample."""
        if self.step not in self.guesses:
            self.guesses[self.step] = self.model.distribution(before(self.drawn, self.step))
        return self.guesses[self.step]

    def first(self) -> dict[str, object]:
        """What is open from the start, and the guess for the first place."""
        return {**super().first(), "neural": self.guess()}

    def reply(self, answer: object) -> object | None:
        """What was just guessed, counts and guess for the next place.

        Raises:
            InvalidAnswer: not a distribution for each passage.
        """
        told = super().reply(answer)
        return {**told, "neural": self.guess()} if isinstance(told, dict) else None


class Mixed(stream.Stream):
    """How well it guesses each next character of a text while it reads it, by counts and a neural model together."""

    @cached_property
    def model(self) -> neural.Neural:
        """The neural model of what was learned."""
        return model_of(self.corpus)

    def pool(self, split: Split) -> dict[str, object]:
        """What the claim is about; the model belongs to it."""
        return {**super().pool(split), "neural": {"flops": self.model.flops, "sha256": self.model.digest}}

    def _sample(self, drawn: stream.Windows) -> Sample:
        table, model = self.counts.continued, self.model
        looked_up, guesses = dict[int, Rows](), Guesses()

        def made() -> Reading:
            return Reading(drawn, table, looked_up, model, guesses)

        return Sample(made().first(), drawn, made)

    def baselines(self, seed: int, evaluations: int, samples: Sequence[Sample]) -> list[Baseline]:
        """The rules of the stream, and the best of them with the model's guess."""
        explore = [sample.hidden for sample in self.samples("explore", seed, 12)]
        report = [sample.hidden for sample in samples]
        shown = online.Reading(self.counts, report)
        found = rules_with(self, explore, report, evaluations, seed)
        return [Baseline(rule.name, rule.told, shown.means(rule.new)) for rule in found]


class SourceMixed(Mixed):
    """The same on standard-library source, whose model learned such source."""

    corpus = "source"


class DocstringsMixed(Mixed):
    """The same on the docstrings of compiled modules."""

    corpus = "docstrings"


def rules_with(
    task: Mixed, explore: Sequence[stream.Windows], report: Sequence[stream.Windows], evaluations: int, seed: int
) -> list[online.Tuned]:
    """People's rules: those without the model, then the best of them on explore passages interpolated with it."""
    both = [online.Reading(task.counts, some) for some in (explore, report)]
    found = online.rules(both[0], both[1], evaluations, seed)
    best = min(found, key=lambda rule: online.bits(rule.known))
    of_model = [guessed(task.model, some) for some in (explore, report)]
    matched = [np.sum([order.u > 0 for order in of.both[1:]], axis=0) for of in both]

    def joined(a: Array, at: int) -> Array:
        weight = 1.0 / (1.0 + np.exp(-a[np.minimum(matched[at], len(a) - 1)]))
        found: Array = (1.0 - weight) * (best.known, best.new)[at] + weight * of_model[at]
        return found

    for name, size in (("one weight", 1), ("a weight for each length of match", online.LONGEST + 1)):
        rng = np.random.default_rng(seed)
        a = tuning.climb(lambda a: online.bits(joined(a, 0)), np.full(size, -2.0), evaluations, rng)
        told = " ".join(f"{share(x):.2f}" for x in a)
        found.append(online.Tuned(f"{best.name}, and the neural model, {name}", told, joined(a, 0), joined(a, 1)))
    return found


def guessed(model: neural.Neural, samples: Sequence[stream.Windows]) -> Array:
    """The model's probability of the truth at each position, in the order of ``online.Reading``."""
    found = []
    for drawn in samples:
        for step in range(stream.STEPS):
            truth = drawn[:, stream.PAST + step]
            found.append(model.distribution(before(drawn, step))[np.arange(len(truth)), truth])
    return np.concatenate(found).astype(np.float64)
