"""The memory's tasks: predict the next character of text that it never learned from. Trusted code, a person's.

A sample is a block of positions drawn independently, one from each part of the held-out pool of its split. The
program sees the counts of all symbols of every order for each position and answers with a full distribution; the
truth stays here. Before anything is scored, the answer's shape and values are checked, each row is renormalised and
mixed with 1e-4 of the uniform distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from selfproof.nouns import Split, UsageError
from selfproof.trial.task import Baseline, InvalidAnswer, Sample, Task

from . import tuning
from .corpora import CORPORA, SLICES, SYMBOLS, Pool, passages, split
from .counts import Counts

BLOCK = 256
FLOOR = tuning.FLOOR
SPAN = math.log2(SYMBOLS / FLOOR)


def positions(size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """A stratified block: one of ``size`` positions from each of ``BLOCK`` equal slices of them, shuffled.

    A position on a border belongs to both slices in parts, so that every position is as likely as any other, and a
    block's mean is the pool's on average.
    """
    places = (np.arange(BLOCK) + rng.random(BLOCK)) * (size / BLOCK)
    return rng.permutation(np.minimum(places.astype(np.intp), size - 1))


def surprise(answer: object, truth: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Bits of the truth under each row of an answer, renormalised and mixed with ``FLOOR`` of the uniform distribution.

    Raises:
        InvalidAnswer: not a float array with a row for each truth, or a value that is negative or not finite.
    """
    if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f":
        raise InvalidAnswer("the answer must be a float array")
    if answer.shape != (len(truth), SYMBOLS):
        raise InvalidAnswer(f"the answer must have shape {(len(truth), SYMBOLS)}, got {answer.shape}")
    guess = answer.astype(np.float64)
    if not np.isfinite(guess).all() or (guess < 0).any():
        raise InvalidAnswer("probabilities must be finite and not negative")
    with np.errstate(over="ignore"):  # a row that overflows is refused below
        total = guess.sum(axis=1)
    if not (total > 0).all() or not np.isfinite(total).all():
        raise InvalidAnswer("a row of the answer has no mass")
    mass = guess[np.arange(len(truth)), truth] / total
    bits: NDArray[np.float64] = -np.log2(mass * (1.0 - FLOOR) + FLOOR / SYMBOLS)
    return bits


class Language(Task):
    """How well it guesses the next character of text that it has never seen."""

    metric = "bits_per_char"
    better = "lower"
    span = SPAN
    slices = SLICES
    corpus: ClassVar[str] = "topics"

    @cached_property
    def parts(self) -> dict[str, list[str]]:
        """Passages of the corpus by split."""
        return split(passages(CORPORA[self.corpus]()))

    @cached_property
    def counts(self) -> Counts:
        """What the memory has learned."""
        return Counts(Pool.of(self.parts["learn"]))

    @cached_property
    def pools(self) -> dict[str, Pool]:
        """Held-out positions by split."""
        return {name: Pool.of(self.parts[name]) for name in ("explore", "confirm", "report")}

    def pool(self, split: Split) -> dict[str, object]:
        """What the claim is about: size and hash of the pool that blocks are drawn from."""
        pool = self.pools[split]
        return {"corpus": self.corpus, "split": split, "positions": len(pool.truth), "sha256": pool.digest}

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` fresh blocks."""
        return self.blocks(self.pools[split], seed, n)

    def blocks(self, pool: Pool, seed: int, n: int) -> list[Sample]:
        """``n`` blocks of positions drawn from ``pool``, independently; see ``positions``."""
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(n):
            drawn = positions(len(pool.truth), rng)
            rows = self.counts.rows(pool.contexts[:, drawn])
            found.append(Sample(rows, (pool.truth[drawn], pool.slices[drawn], pool.contexts[:, drawn])))
        return found

    def from_text(self, text: str, seed: int, n: int) -> list[Sample]:
        """Blocks from a reader's own text; what the memory has learned stays the same.

        Raises:
            UsageError: the text is too short to draw blocks from.
        """
        if len(text.strip()) < BLOCK:
            raise UsageError(
                f"the text has {len(text.strip())} characters; at least {BLOCK} are needed",
                advice="Give a longer text file, for example a README or a book.",
            )
        return self.blocks(Pool.of([text]), seed, n)

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """Bits for each position of the block.

        Raises:
            InvalidAnswer: not a float array of the block's shape, or a value that is negative or not finite.
        """
        bits: list[float] = surprise(answer, sample.hidden[0]).tolist()
        return bits

    def slice_of(self, sample: Sample) -> Sequence[int]:
        """For each draw the index of its slice."""
        kinds: list[int] = sample.hidden[1].tolist()
        return kinds

    def damaged(self, source: str, function: str, strength: float = 0.95) -> str:
        """The memory with this share of its guess moved to the wrong symbol: worse whatever the rule is."""
        return f"""{source}

_before_{function} = {function}


def {function}(counts):
    q = _before_{function}(counts)
    return {1 - strength!r} * q + {strength!r} * np.roll(q, 1, axis=1)
"""

    def tempting(self, source: str, function: str) -> str:
        """The memory made more certain of itself: better on most single characters, worse on average."""
        return f"""{source}

_before_{function} = {function}


def {function}(counts):
    return _before_{function}(counts) ** 2
"""

    def baselines(self, seed: int, evaluations: int, samples: Sequence[Sample]) -> list[Baseline]:
        """The tuned rules of ``rules.py`` on these samples."""

        def told(sample: Sample) -> tuning.Block:
            return tuning.Block(sample.value, self.counts.continued.rows(sample.hidden[2]), sample.hidden[0])

        explore = self.samples("explore", seed, 24)
        return tuning.tuned([told(s) for s in explore], [told(s) for s in samples], evaluations, seed)

    def regroup(self, samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[tuple[int, int]]]:
        """The same positions in other company: new blocks, and where each of their rows came from."""
        rng = np.random.default_rng(seed)
        origin = [(i, j) for i, sample in enumerate(samples) for j in range(len(sample.hidden[0]))]
        order = rng.permutation(len(origin))
        rows = np.concatenate([sample.value for sample in samples])
        truth = np.concatenate([sample.hidden[0] for sample in samples])
        kinds = np.concatenate([sample.hidden[1] for sample in samples])
        contexts = np.concatenate([sample.hidden[2] for sample in samples], axis=1)
        cuts = [order[i : i + BLOCK] for i in range(0, len(order), BLOCK)]
        found = [Sample(np.ascontiguousarray(rows[cut]), (truth[cut], kinds[cut], contexts[:, cut])) for cut in cuts]
        return found, [origin[i] for i in order]


class Source(Language):
    """Bits per character on standard-library source, with a memory that learned such source: the rule's transfer."""

    corpus = "source"


class Docstrings(Language):
    """The same on the docstrings of compiled modules, with a memory that learned such docstrings."""

    corpus = "docstrings"
