"""The model that is trained: a small neural language model over bytes, in NumPy with a backward pass by hand.

Embedding of the last symbols, one hidden layer, a softmax over 97 symbols; if the configuration says so a table of
bigrams is added to the logits. Everything is float32 and lies in one vector, layer after layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from selfproof.trial.task import InvalidAnswer

from .texts import FURTHEST, SYMBOLS

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

ACTIVATIONS = ("tanh", "relu", "squared")
OVERHEAD = 2_000_000
"""FLOPs that a step is charged whatever its size: small batches are not free on a real machine either."""
ELEMENTWISE = 100
"""FLOPs that a step is charged for each weight: memory that is read and written costs what so many products do."""


@dataclass(frozen=True)
class Config:
    """What the program may choose of the model, each within bounds that are ours."""

    context: int
    embed: int
    hidden: int
    batch: int
    activation: int  # index in ACTIVATIONS
    bigram: int

    BOUNDS: ClassVar[dict[str, tuple[int, int]]] = {
        "context": (1, FURTHEST), "embed": (2, 32), "hidden": (8, 192), "batch": (8, 512),
        "activation": (0, len(ACTIVATIONS) - 1), "bigram": (0, 1),
    }  # fmt: skip

    @classmethod
    def of(cls, answer: object) -> Config:
        """A program's answer as a configuration.

        Raises:
            InvalidAnswer: something is missing, no number, or out of bounds; the message says what.
        """
        if not isinstance(answer, dict):
            raise InvalidAnswer("the configuration must be a dict")
        found: dict[str, int] = {}
        for field in fields(cls):
            value = answer.get(field.name)
            if isinstance(value, bool | int | float) and math.isfinite(value):
                low, high = cls.BOUNDS[field.name]
                if low <= round(value) <= high:
                    found[field.name] = round(value)
                    continue
                raise InvalidAnswer(f"config {field.name} is {value:g}, allowed are {low} to {high}")
            raise InvalidAnswer(f"config {field.name} must be a number")
        return cls(**found)

    def layers(self, wider: int = 1) -> list[tuple[str, int, int]]:
        """Name, rows and columns of each layer."""
        hidden = self.hidden * wider
        rows = [
            ("embed", SYMBOLS, self.embed), ("w1", self.context * self.embed, hidden), ("b1", 1, hidden),
            ("w2", hidden, SYMBOLS), ("b2", 1, SYMBOLS),
        ]  # fmt: skip
        return [*rows, ("bigram", SYMBOLS, SYMBOLS)] if self.bigram else rows

    def told(self, wider: int = 1) -> list[list[object]]:
        """Name, inputs and size of each layer: what looks a row up has one input; 0: begins at 0, as biases do."""
        inputs = {"embed": 1, "b1": 0, "b2": 0, "bigram": 0}
        return [[name, inputs.get(name, rows), rows * columns] for name, rows, columns in self.layers(wider)]

    def flops(self, wider: int = 1) -> int:
        """What one step is charged: the matrix products of forward and backward, each weight's update, overhead."""
        hidden = self.hidden * wider
        products = self.context * self.embed * hidden + hidden * SYMBOLS
        weights = sum(rows * columns for _, rows, columns in self.layers(wider))
        table = self.batch * SYMBOLS * (1 + self.bigram)
        return 6 * self.batch * products + 20 * table + ELEMENTWISE * weights + OVERHEAD


class Network:
    """Loss, gradient and log-probabilities for one vector of weights."""

    def __init__(self, config: Config, wider: int = 1) -> None:
        self.config = config
        self.layers = config.layers(wider)
        self.size = sum(rows * columns for _, rows, columns in self.layers)
        self._grad = np.zeros(self.size, dtype=np.float32)
        self._into = self._parts(self._grad)

    def _parts(self, vector: Floats) -> dict[str, Floats]:
        found, at = {}, 0
        for name, rows, columns in self.layers:
            found[name] = vector[at : at + rows * columns].reshape(rows, columns)
            at += rows * columns
        return found

    def _forward(self, w: dict[str, Floats], x: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """x (n, context), newest last -> embedded (n, context * embed), hidden before and after, logits (n, 97)."""
        embedded = w["embed"][x].reshape(len(x), -1)
        before = embedded @ w["w1"] + w["b1"]
        if self.config.activation == 0:
            after = np.tanh(before)
        else:
            after = np.maximum(before, 0.0)
            if self.config.activation == 2:
                after = after * after
        logits = after @ w["w2"] + w["b2"]
        if self.config.bigram:
            logits += w["bigram"][x[:, -1]]
        return embedded, before, after, logits

    def gradient(self, weights: Floats, x: Ints, y: Ints) -> tuple[float, Floats]:
        """Mean loss in nats of a batch, and its gradient: a vector that the next call overwrites."""
        w, g, n = self._parts(weights), self._into, len(x)
        embedded, before, after, logits = self._forward(w, x)
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        total = shares.sum(axis=1, keepdims=True)
        everyone = np.arange(n)
        loss = float(np.mean(np.log(total[:, 0]) - logits[everyone, y]))
        shares /= total * n
        shares[everyone, y] -= 1.0 / n
        np.matmul(after.T, shares, out=g["w2"])
        g["b2"][0] = shares.sum(axis=0)
        down = shares @ w["w2"].T
        if self.config.activation == 0:
            down *= 1.0 - after * after
        else:
            down *= (before > 0.0) if self.config.activation == 1 else 2.0 * np.maximum(before, 0.0)
        np.matmul(embedded.T, down, out=g["w1"])
        g["b1"][0] = down.sum(axis=0)
        below = (down @ w["w1"].T).reshape(x.size, -1)
        np.matmul(_one_hot(x.ravel()).T, below, out=g["embed"])
        if self.config.bigram:
            np.matmul(_one_hot(x[:, -1]).T, shares, out=g["bigram"])
        return loss, self._grad

    def logits(self, weights: Floats, x: Ints) -> Floats:
        """The logits (n, 97) of contexts (n, context)."""
        return self._forward(self._parts(weights), x)[3]


def _one_hot(x: Ints) -> Floats:
    found = np.zeros((len(x), SYMBOLS), dtype=np.float32)
    found[np.arange(len(x)), x] = 1.0
    return found
