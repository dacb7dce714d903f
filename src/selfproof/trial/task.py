"""What a task is: samples with hidden answers, and a scorer that runs in the engine, never in the jail."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from selfproof.nouns import Better, Split


class Exchange(ABC):
    """A sample that is answered in lock-step: each message to the program may follow from its answers so far.

    The sample's ``value`` is the first message. It runs in the engine, for one trial; nothing of it is in the jail.
    """

    @abstractmethod
    def reply(self, answer: object) -> object | None:
        """The next message to the same process, None at the end.

        Raises:
            InvalidAnswer: the answer is malformed, which ends the exchange.
        """

    @abstractmethod
    def result(self) -> object:
        """What it came to, after the end: plain data, what ``Task.draws`` gets as the answer."""


class InvalidAnswer(Exception):
    """The program's answer is not of the kind that the task asks for; it scores as the worst possible value."""


@dataclass(frozen=True)
class Sample:
    """``value`` goes into the jail; ``hidden`` (answers, labels) never does. ``exchange`` begins an ``Exchange``."""

    value: Any
    hidden: Any = None
    exchange: Callable[[], Exchange] | None = None


@dataclass(frozen=True)
class Baseline:
    """A human rule: what it is called, what was tuned, its draws on each sample; ``tries`` if not those asked for."""

    name: str
    tuned: str
    draws: tuple[tuple[float, ...], ...]
    tries: int = 0


class Task(ABC):
    """A quality task. Subclass it in ``tasks/`` and name it in the charter.

    ``span`` is the largest possible difference of two draws' scores in the metric's unit: give it if the metric is a
    mean of independent draws, leave it None otherwise. ``slices`` names the groups that results are reported by.
    ``whole`` says that the samples are all there is, a test suite for instance: see ``trial.holdout``, whose
    ``FiniteTask`` such a task must be. ``seconds`` is how long an answer usually takes, where that is long: races are
    sized by it, and where ``short_seconds`` says how long an answer to a ``short`` sample takes, they begin with one.
    ``timed`` says that the metric is a time, so that nothing else may run beside a trial.
    """

    metric: ClassVar[str]
    better: ClassVar[Better]
    span: ClassVar[float | None] = None
    slices: ClassVar[tuple[str, ...]] = ()
    whole: ClassVar[bool] = False
    seconds: ClassVar[float] = 0.0
    short_seconds: ClassVar[float] = 0.0
    timed: ClassVar[bool] = False

    @abstractmethod
    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` samples of a split, fresh for each seed and the same for the same seed."""

    @abstractmethod
    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """The metric on each draw of the sample (one for a plain sample); their mean is the score.

        Raises:
            InvalidAnswer: the answer is malformed.
        """

    def worst(self) -> float:
        """What a draw without a valid answer scores."""
        if self.span is None:
            return math.inf if self.better == "lower" else -math.inf
        return self.span if self.better == "lower" else -self.span

    def short(self, sample: Sample) -> Sample:
        """A version of an explore sample that costs much less, on which most of what is no good can be told.

        Only a race's first rung uses it, and compares nothing but scores on it with each other.
        """
        return sample

    def pool(self, split: Split) -> dict[str, object]:
        """What the samples of a split are drawn from; goes into certificates."""
        return {"split": split}

    def slice_of(self, sample: Sample) -> Sequence[int]:
        """For each draw the index of its slice in ``slices``."""
        return []

    def group(self, sample: Sample) -> str:
        """Which group of people or things a sample belongs to, where none of them may be left behind; "": none."""
        return ""

    def groups(self, sample: Sample, draws: int) -> list[str]:
        """The group of each of a sample's draws: by ``slice_of`` where a sample holds several, else by ``group``."""
        places = list(self.slice_of(sample))
        if len(places) == draws and self.slices:
            return [self.slices[place] for place in places]
        return [self.group(sample)] * draws

    def shown(self, sample: Sample, answer: object) -> str | None:
        """What whoever suggests edits may be told of an explore sample and the program's answer, no score and nothing
        hidden. None: the sample's value and the answer as they are.
        """
        return None

    def regroup(self, samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[tuple[int, int]]] | None:
        """The same draws in other samples, with (sample, draw) of each row's origin; None if a sample is one draw."""
        return None

    def rows(self, sample: Sample, answer: object) -> NDArray[np.float64] | None:
        """A valid answer as the rows (draws, values) that must not change in other company; None: it has none.

        Here: of a float array of two dimensions, each row with sum 1, as distributions are compared.
        """
        if not isinstance(answer, np.ndarray) or answer.ndim != 2 or answer.dtype.kind != "f":
            return None
        found = answer.astype(np.float64)
        total = found.sum(axis=1, keepdims=True)
        shares: NDArray[np.float64] = found / np.where(total > 0, total, 1.0)
        return shares

    def damaged(self, source: str, function: str, strength: float = 0.95) -> str | None:
        """The entry's file with ``function`` made worse, for controls: clearly at .95, hardly at .01.

        None: this task has no such thing.
        """
        return None

    def tempting(self, source: str, function: str) -> str | None:
        """The entry's file with a change that looks like a gain and is none, for the fake-gain control."""
        return None

    def baselines(self, seed: int, evaluations: int, samples: Sequence[Sample]) -> list[Baseline]:
        """Rules that people would use, tuned on the explore split with ``evaluations`` tries, on these samples."""
        return []

    def from_text(self, text: str, seed: int, n: int) -> list[Sample]:
        """Samples from a reader's own file, for ``compare --on FILE``.

        Raises:
            NotImplementedError: this task has no such thing.
        """
        raise NotImplementedError


class Workload(ABC):
    """A speed task: inputs for the program's entry, fresh for each seed. Outputs must stay equal; time is scored."""

    def pool(self, split: Split) -> dict[str, object]:
        """What the inputs of a split are drawn from; goes into certificates."""
        return {"split": split, "inputs": "fresh for each pair"}

    @abstractmethod
    def inputs(self, split: Split, seed: int, n: int) -> list[Any]:
        """``n`` input values for the entry."""
