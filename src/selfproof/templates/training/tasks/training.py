"""The training task: how good a small language model is after a budget of FLOPs, under the program's rules. Trusted.

The program says how the model is built, how its weights begin and how each step moves them; the model itself, its
gradients, its text and the budget stay here, and the two talk in lock-step (``Exchange``). A step is charged by what
it computes, never by a clock, so the number of steps follows from the configuration and nobody can take more. Text
never enters the jail, neither the held-out part nor the other. A sample is one training run (its batches, a seed for
the program's first weights) and one block of held-out positions; its score is one draw, the mean over the block.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from selfproof.nouns import Split
from selfproof.trial.task import Baseline, Exchange, InvalidAnswer, Sample, Task

from . import people
from .network import Config, Network
from .texts import CORPORA, FURTHEST, SYMBOLS, split

BUDGET = 2_500_000_000
"""FLOPs of a whole run."""
SHORT = 0.08
"""Share of it that a short run gets."""
HELD_OUT = 4096
"""Positions of a block."""
MOST_STEPS = 800
FLOOR = 1e-4  # of the uniform distribution, mixed into every guess
HUGE = 1e6  # no weight may be larger

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """One training run: the seed of its batches, its budget, and where it is scored. Hidden from the program."""

    seed: int
    budget: int
    places: NDArray[np.intp]
    part: Split


class Session(Exchange):
    """The engine's side of one run: the program's configuration, its first weights, then a gradient for each step."""

    def __init__(self, task: Training, run: Run) -> None:
        self._task, self._run = task, run
        self._network: Network | None = None
        self._batches = np.random.default_rng([run.seed, 1])
        self._step, self._steps, self.losses = 0, 0, list[float]()
        self._weights = np.zeros(0, dtype=np.float32)

    def reply(self, answer: object) -> object | None:
        """The layers; then gradients; at the end the question which weights to score.

        Raises:
            InvalidAnswer: a configuration out of bounds, or weights of another size or that are not finite.
        """
        if self._network is None:
            config = Config.of(answer)
            self._network = Network(config, self._task.wider)
            self._steps = min(MOST_STEPS, int(self._run.budget // config.flops(self._task.wider)))
            return {"layers": config.told(self._task.wider), "seed": self._run.seed, "steps": self._steps}
        self._weights = _weights(answer, self._network.size)
        if self._step > self._steps:
            return None
        self._step += 1
        if self._step > self._steps:
            return {"end": True}
        return {"gradient": self._gradient(self._network), "step": self._step - 1}

    def _gradient(self, network: Network) -> Floats:
        text, config = self._task.text["learn"], network.config
        places = self._batches.integers(FURTHEST, len(text), config.batch)
        x, y = at(text, places, config.context)
        with np.errstate(all="ignore"):
            loss, gradient = network.gradient(self._weights, x, y)
        if not math.isfinite(loss) or not np.isfinite(gradient).all():
            raise InvalidAnswer(f"the training diverged in step {self._step} of {self._steps}")
        self.losses.append(loss)
        return gradient

    def result(self) -> object:
        """Bits per held-out symbol."""
        assert self._network is not None
        text = self._task.text[self._run.part]
        x, y = at(text, self._run.places, self._network.config.context)
        with np.errstate(all="ignore"):
            logits = self._network.logits(self._weights, x).astype(np.float64)
        return bits(logits, y)


class Training(Task):
    """How well the model that it trains, within a fixed budget, guesses text that it has never seen."""

    metric = "bits_per_char"
    better = "lower"
    seconds = 0.4
    short_seconds = 0.04
    corpus: ClassVar[str] = "topics"
    wider: ClassVar[int] = 1
    budget: ClassVar[int] = BUDGET

    @cached_property
    def text(self) -> dict[str, NDArray[np.uint8]]:
        """The symbols to learn from, and those that are held out by split."""
        return split(CORPORA[self.corpus]())

    def pool(self, split: Split) -> dict[str, object]:
        """What the claim is about: the text that blocks are drawn from, the runs are fresh."""
        text = self.text[split]
        return {
            "corpus": self.corpus, "split": split, "positions": len(text) - FURTHEST, "runs": "fresh for each pair",
            "sha256": hashlib.sha256(text.tobytes()).hexdigest(),
        }  # fmt: skip

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` runs with seeds of their own, each with a block of positions, one from each of equal slices."""
        rng, size = np.random.default_rng([seed, ("explore", "confirm", "report").index(split)]), len(self.text[split])
        found = []
        for _ in range(n):
            places = (np.arange(HELD_OUT) + rng.random(HELD_OUT)) * ((size - FURTHEST) / HELD_OUT)
            where = FURTHEST + np.minimum(places.astype(np.intp), size - FURTHEST - 1)
            found.append(self._sample(Run(int(rng.integers(2**31)), self.budget, where, split)))
        return found

    def _sample(self, run: Run) -> Sample:
        return Sample({"begin": True}, run, lambda: Session(self, run))

    def short(self, sample: Sample) -> Sample:
        """The same run with a small part of the budget, scored on a quarter of the positions."""
        run: Run = sample.hidden
        return self._sample(replace(run, budget=int(SHORT * run.budget), places=run.places[::4]))

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """The one draw.

        Raises:
            InvalidAnswer: the exchange did not come to its end.
        """
        if not isinstance(answer, float) or not math.isfinite(answer):
            raise InvalidAnswer("the run did not come to its end")
        return [answer]

    def damaged(self, source: str, function: str, strength: float = 0.95) -> str:
        """The weights that are scored are those of the run, shrunk by this share."""
        return f"""{source}

_before_{function} = {function}


def {function}(message):
    found = _before_{function}(message)
    return found * np.float32({1.0 - strength!r}) if "end" in message else found
"""

    def tempting(self, source: str, function: str) -> str:
        """The run made more certain: output weights are scored half as large again, as a lower training loss asks."""
        return f"""{source}

_before_{function} = {function}


def {function}(message):
    found = _before_{function}(message)
    return found * np.float32(1.5) if "end" in message else found
"""

    def baselines(self, seed: int, evaluations: int, samples: Sequence[Sample]) -> list[Baseline]:
        """The tuned rules of ``people.py`` on these samples: constants from its table, not tuned anew."""
        del seed, evaluations
        found = []
        for name, rule in people.TUNED.items():
            draws = tuple((people.trained(rule, Session(self, sample.hidden)),) for sample in samples)
            found.append(Baseline(name, people.said(rule), draws, people.TRIES))
        return found


class Source(Training):
    """The same on standard-library source: text that the rule was not searched on."""

    corpus = "source"


class Wide(Training):
    """The same with twice as many hidden units and twice the budget."""

    wider = 2
    budget = 2 * BUDGET


def at(text: NDArray[np.uint8], places: NDArray[np.intp], context: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The contexts (n, context) before some places of a text, newest last, and the symbols there."""
    x = text[places[:, None] + np.arange(-context, 0)]
    return x.astype(np.intp), text[places].astype(np.intp)


def bits(logits: NDArray[np.float64], y: NDArray[np.intp]) -> float:
    """Mean bits of the symbols ``y`` under the softmax, mixed with a little of the uniform distribution.

    Raises:
        InvalidAnswer: the model gives no finite number.
    """
    if not np.isfinite(logits).all():
        raise InvalidAnswer("the trained model gives no finite number")
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    mass = shares[np.arange(len(y)), y] / shares.sum(axis=1)
    return float(np.mean(-np.log2(mass * (1.0 - FLOOR) + FLOOR / SYMBOLS)))


def _weights(answer: object, size: int) -> Floats:
    if not isinstance(answer, np.ndarray) or answer.dtype != np.float32 or answer.shape != (size,):
        raise InvalidAnswer(f"the weights must be a float32 array of shape {(size,)}")
    if not np.isfinite(answer).all() or np.abs(answer).max() > HUGE:
        raise InvalidAnswer(f"weights must be finite and at most {HUGE:g}")
    return answer
