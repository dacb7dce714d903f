"""The stream's tasks: text read character by character, each guessed before it is told. Trusted code, a person's.

A sample is ``PASSAGES`` passages side by side. The program first sees what stands before each (up to ``PAST``
characters, held out like the rest) and the counts for what comes next; it answers with a distribution for each
passage; then it is told what came, with the counts for the next character, ``STEPS`` times in all. So it may learn
from a passage while it reads it, and no character leaves the engine before it was guessed. A draw is one passage's
mean bits per character.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from selfproof.nouns import Split, UsageError
from selfproof.trial.task import Baseline, Exchange, InvalidAnswer, Sample, Task

from . import online
from .corpora import CORPORA, NEWLINE, ORDERS, SYMBOLS, Pool, passages, split, symbols
from .counts import Counts, Rows, Table
from .language import SPAN, surprise

PASSAGES = 64
STEPS = 8
PAST = 496
LEAST = 32
"""Characters that stand before every passage at least."""
NOTHING = 255
"""Where a text begins later than the window does."""
SECTION = 1200
SHARES = (("learn", 0.76), ("explore", 0.08), ("confirm", 0.08), ("report", 1.0))
Windows = NDArray[np.uint8]


def sections(text: str) -> list[str]:
    """Neighbouring passages joined until they have ``SECTION`` characters."""
    found, parts, size = [], [], 0
    for passage in passages(text):
        parts.append(passage)
        size += len(passage)
        if size >= SECTION:
            found.append("".join(parts))
            parts, size = [], 0
    return found


def windows(texts: Sequence[str], rng: np.random.Generator, n: int) -> Windows:
    """``n`` stretches of ``PAST`` + ``STEPS`` symbols, stratified over all places where the guessing may begin."""
    codes = [symbols(text) for text in texts]
    sizes = np.array([max(0, len(code) - LEAST - STEPS + 1) for code in codes])
    places = (np.arange(n) + rng.random(n)) * (sizes.sum() / n)
    places = np.minimum(places.astype(np.intp), sizes.sum() - 1)
    ends = np.cumsum(sizes)
    found = np.full((n, PAST + STEPS), NOTHING, dtype=np.uint8)
    for row, place in zip(found, rng.permutation(places), strict=True):
        which = int(np.searchsorted(ends, place, side="right"))
        end = int(place - (ends[which] - sizes[which])) + LEAST + STEPS
        code = codes[which][max(0, end - len(row)) : end]
        row[len(row) - len(code) :] = code
    return found


def contexts(drawn: Windows, step: int) -> NDArray[np.uint64]:
    """Contexts (orders, passages) of a step, as ``corpora.Pool`` packs them."""
    place = PAST + step
    before = np.where(drawn[:, place - ORDERS + 1 : place] == NOTHING, NEWLINE, drawn[:, place - ORDERS + 1 : place])
    powers = np.uint64(SYMBOLS) ** np.arange(ORDERS - 1, dtype=np.uint64)
    codes = np.cumsum(before[:, ::-1].astype(np.uint64) * powers, axis=1)
    return np.concatenate([np.zeros((1, len(drawn)), dtype=np.uint64), codes.T])


class Reading(Exchange):
    """One trial's way through the passages of a sample."""

    def __init__(self, drawn: Windows, table: Table, looked_up: dict[int, Rows]) -> None:
        self.drawn, self.table, self.looked_up = drawn, table, looked_up
        self.step = 0
        self.bits: list[NDArray[np.float64]] = []

    def rows(self) -> Rows:
        """The counts for this step; looked up once for all trials on the sample."""
        if self.step not in self.looked_up:
            self.looked_up[self.step] = self.table.rows(contexts(self.drawn, self.step))
        return self.looked_up[self.step]

    def first(self) -> dict[str, object]:
        """The first message: what is open from the start."""
        return {"past": np.ascontiguousarray(self.drawn[:, :PAST]), "counts": self.rows()}

    def reply(self, answer: object) -> object | None:
        """The symbols that were just guessed, and the counts for the next.

        Raises:
            InvalidAnswer: not a distribution for each passage.
        """
        truth = self.drawn[:, PAST + self.step]
        self.bits.append(surprise(answer, truth))
        self.step += 1
        if self.step == STEPS:
            return None
        return {"truth": truth.copy(), "counts": self.rows()}

    def result(self) -> object:
        """Bits (passages, steps)."""
        return np.stack(self.bits, axis=1) if len(self.bits) == STEPS else None


class Stream(Task):
    """How well it guesses each next character of a text while it reads it, in lock-step."""

    metric = "bits_per_char"
    better = "lower"
    span = SPAN
    corpus: ClassVar[str] = "topics"

    @cached_property
    def parts(self) -> dict[str, list[str]]:
        """Sections of the corpus by split."""
        return split(sections(CORPORA[self.corpus]()), SHARES)

    @cached_property
    def counts(self) -> Counts:
        """What was learned before any passage."""
        return Counts(Pool.of(self.parts["learn"]))

    def pool(self, split: Split) -> dict[str, object]:
        """What the claim is about."""
        texts = self.parts[split]
        return {"corpus": self.corpus, "split": split, "sections": len(texts), "characters": sum(map(len, texts)),
                "sha256": Pool.of(texts).digest}  # fmt: skip

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` fresh samples."""
        return self._drawn(self.parts[split], seed, n)

    def _drawn(self, texts: Sequence[str], seed: int, n: int) -> list[Sample]:
        rng = np.random.default_rng(seed)
        return [self._sample(windows(texts, rng, PASSAGES)) for _ in range(n)]

    def _sample(self, drawn: Windows) -> Sample:
        table, looked_up = self.counts.continued, dict[int, Rows]()
        return Sample(Reading(drawn, table, looked_up).first(), drawn, lambda: Reading(drawn, table, looked_up))

    def from_text(self, text: str, seed: int, n: int) -> list[Sample]:
        """Samples from a reader's own text; what was learned stays the same.

        Raises:
            UsageError: the text is too short.
        """
        if len(text) < 4 * LEAST:
            raise UsageError(
                f"the text has {len(text)} characters; at least {4 * LEAST} are needed",
                advice="Give a longer text file, for example a README or a book.",
            )
        return self._drawn([text], seed, n)

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """Mean bits of each passage.

        Raises:
            InvalidAnswer: the exchange did not come to its end.
        """
        if not isinstance(answer, np.ndarray) or answer.shape != (len(sample.hidden), STEPS):
            raise InvalidAnswer("the passages were not read to their end")
        means: list[float] = answer.mean(axis=1).tolist()
        return means

    def regroup(self, samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[tuple[int, int]]]:
        """The same passages in other company, and where each came from."""
        origin = [(i, j) for i, sample in enumerate(samples) for j in range(len(sample.hidden))]
        order = np.random.default_rng(seed).permutation(len(origin))
        drawn = np.concatenate([sample.hidden for sample in samples])
        cuts = [order[i : i + PASSAGES] for i in range(0, len(order), PASSAGES)]
        return [self._sample(drawn[cut]) for cut in cuts], [origin[i] for i in order]

    def rows(self, sample: Sample, answer: object) -> NDArray[np.float64] | None:
        """For each passage the bits of its characters: what the company that it is read in must not change."""
        return answer if isinstance(answer, np.ndarray) and answer.ndim == 2 else None

    def shown(self, sample: Sample, answer: object) -> str | None:
        """The first passage, as far as it was open from the start, and what its characters cost."""
        past = bytes(32 + s if s < NEWLINE else 10 if s == NEWLINE else 63 for s in sample.hidden[0] if s != NOTHING)
        text = past.decode("ascii")[:-STEPS][-120:]
        bits = np.round(answer[0], 2).tolist() if isinstance(answer, np.ndarray) else answer
        return f"after {text!r}: bits {bits}"

    def damaged(self, source: str, function: str, strength: float = 0.95) -> str:
        """This share of the guess moved to the wrong symbol: worse whatever the rule is."""
        return f"""{source}

_before_{function} = {function}


def {function}(message):
    q = _before_{function}(message)
    return {1 - strength!r} * q + {strength!r} * np.roll(q, 1, axis=1)
"""

    def tempting(self, source: str, function: str) -> str:
        """More certain of itself: better on most characters, worse on average."""
        return f"""{source}

_before_{function} = {function}


def {function}(message):
    return _before_{function}(message) ** 3
"""

    def baselines(self, seed: int, evaluations: int, samples: Sequence[Sample]) -> list[Baseline]:
        """The tuned rules of ``rules.py`` and, of those that learn from the passage, of ``online.py``."""
        explore = [sample.hidden for sample in self.samples("explore", seed, 12)]
        return online.tuned(self.counts, explore, [sample.hidden for sample in samples], evaluations, seed)


class SourceStream(Stream):
    """The same on standard-library source, with a memory that learned such source."""

    corpus = "source"


class DocstringsStream(Stream):
    """The same on the docstrings of compiled modules."""

    corpus = "docstrings"
