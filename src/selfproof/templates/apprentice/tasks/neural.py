"""A small neural language model of the text that was learned, trained once within a budget of FLOPs. Trusted code.

Model and gradients are those of the training task (`selfproof.templates.training.tasks.network`): the last characters,
embedded, one hidden layer of rectified units, a table of bigrams. It is trained by Adam with a short warm-up and a step
that falls in a line; the constants were chosen by four runs looked at on explore text. The budget grows with the text,
so that a short text is not learned by heart more than a long one; no clock is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selfproof.templates.training.tasks.network import Config, Network

from .corpora import NEWLINE, symbols

Floats = NDArray[np.float32]

CONTEXT = 10
CONFIG = Config(context=CONTEXT, embed=24, hidden=192, batch=256, activation=1, bigram=1)
WIDER = 2
"""Times the hidden units of the configuration, whose bounds are those of a program under training."""
FLOPS = 2_750_000
"""Training FLOPs for each character of the learned text, as the training task charges them."""
STEP, ONE, TWO, DECAY, WARM, LAST = 0.003, 0.9, 0.99, 0.05, 0.05, 0.02
SCALE, EMBED = 0.876, 0.5
SEED = 1


@dataclass(frozen=True)
class Neural:
    """The trained model, what it was charged, and a digest of its weights."""

    network: Network
    weights: Floats
    flops: int
    digest: str

    def distribution(self, contexts: NDArray[np.uint8]) -> Floats:
        """Contexts (n, CONTEXT), newest last -> a distribution over the next symbol for each."""
        logits = self.network.logits(self.weights, contexts.astype(np.intp))
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: Floats = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
        return found


def trained(texts: Sequence[str], flops: int | None = None) -> Neural:
    """The model of these texts; each begins after newlines, so no context crosses a border."""
    padded = [np.concatenate([np.full(CONTEXT, NEWLINE, dtype=np.uint8), symbols(text)]) for text in texts]
    x = np.concatenate([np.lib.stride_tricks.sliding_window_view(one, CONTEXT)[:-1] for one in padded]).astype(np.intp)
    y = np.concatenate([one[CONTEXT:] for one in padded]).astype(np.intp)
    price = CONFIG.flops(WIDER)
    steps = max(1, (FLOPS * len(y) if flops is None else flops) // price)
    network, rng = Network(CONFIG, WIDER), np.random.default_rng(SEED)
    w = _first(rng)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, steps + 1):
        places = rng.integers(len(y), size=CONFIG.batch)
        _, g = network.gradient(w, x[places], y[places])
        m += (1.0 - ONE) * (g - m)
        v += (1.0 - TWO) * (g * g - v)
        step = np.float32(STEP * min(1.0, t / (WARM * steps)) * (1.0 - (1.0 - LAST) * t / steps))
        w *= np.float32(1.0 - step * DECAY)
        w -= step * (m / np.float32(1.0 - ONE**t)) / (np.sqrt(v / np.float32(1.0 - TWO**t)) + np.float32(1e-8))
    return Neural(network, w, steps * price, hashlib.sha256(w.tobytes()).hexdigest())


def _first(rng: np.random.Generator) -> Floats:
    parts = []
    for name, inputs, size in CONFIG.told(WIDER):
        assert isinstance(inputs, int)
        assert isinstance(size, int)
        scale = EMBED if name == "embed" else SCALE / np.sqrt(inputs) if inputs else 0.0
        parts.append(rng.standard_normal(size) * scale)
    return np.concatenate(parts).astype(np.float32)
