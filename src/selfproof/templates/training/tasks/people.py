"""What people would do: SGD with momentum and Adam, each with its constants tuned by random search. Trusted code.

The constants are a table, because tuning takes as long as a search does. ``tuned`` made it: the same task, full
budget, explore samples, half of the tries drawn from wide ranges and half around the best so far; see
``benchmarks/training.py --tune``. People get the same model, bounds and budget as the program.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from selfproof.trial.task import Exchange, InvalidAnswer

Floats = NDArray[np.float32]
Rule = Mapping[str, float]

TUNED: dict[str, Rule] = {
    "SGD with momentum": {"context": 3, "embed": 22, "hidden": 48, "batch": 88, "activation": 0, "bigram": 0,
                          "lr": 0.148, "one": 0.966, "two": 0.0, "scale": 0.879, "last": 0.1},
    "Adam": {"context": 4, "embed": 29, "hidden": 46, "batch": 214, "activation": 1, "bigram": 1,
             "lr": 0.0465, "one": 0.774, "two": 0.99877, "scale": 0.876, "last": 0.1},
}  # fmt: skip
"""``one``, ``two``: decay of the first and second moment, ``two`` 0 for SGD; ``scale``: of the first weights, over the
root of their inputs; ``last``: the step size at the end as a share of the first, which it falls to in a line."""

TRIES = 300
"""Runs that each of them was tuned with."""

RANGES: dict[str, tuple[float, float]] = {
    "context": (2, 8), "embed": (4, 32), "hidden": (24, 160), "batch": (16, 256), "lr": (3e-4, 3.0),
    "scale": (0.2, 3.0), "gap_one": (0.01, 0.5), "gap_two": (0.0005, 0.2),
}  # fmt: skip
WHOLE = ("context", "embed", "hidden", "batch")


def said(rule: Rule) -> str:
    """The constants in a line."""
    return " ".join(f"{name} {value:.3g}" for name, value in rule.items())


def trained(rule: Rule, session: Exchange) -> float:
    """Bits per character after a run under a rule, in this process.

    Raises:
        InvalidAnswer: the run diverged.
    """
    told = cast("dict[str, Any]", session.reply(dict(rule)))
    rng = np.random.default_rng(told["seed"])
    w = np.concatenate(
        [rng.standard_normal(size) * rule["scale"] / math.sqrt(fan) if fan else np.zeros(size)
         for _, fan, size in told["layers"]]
    ).astype(np.float32)  # fmt: skip
    m, v, steps, answer = np.zeros_like(w), np.zeros_like(w), told["steps"], w
    while (message := cast("dict[str, Any] | None", session.reply(answer))) is not None:
        if "end" in message:
            continue
        g, t = message["gradient"], message["step"] + 1
        lr = rule["lr"] * (1.0 + (rule["last"] - 1.0) * (t - 1) / steps)
        with np.errstate(all="ignore"):
            if rule["two"]:
                m = rule["one"] * m + (1.0 - rule["one"]) * g
                v = rule["two"] * v + (1.0 - rule["two"]) * g * g
                step = m / (1.0 - rule["one"] ** t) / (np.sqrt(v / (1.0 - rule["two"] ** t)) + 1e-8)
            else:
                step = m = rule["one"] * m + g
            answer = w = (w - lr * step).astype(np.float32)
    return cast("float", session.result())


def drawn(rng: np.random.Generator, adaptive: bool, near: Rule | None = None) -> dict[str, float]:
    """A rule from the whole ranges, or ``near`` another one."""

    def number(name: str, before: float | None) -> float:
        low, high = RANGES[name]
        if before is None:
            return math.exp(rng.uniform(math.log(low), math.log(high)))
        return min(high, max(low, before * math.exp(rng.normal(0.0, 0.3))))

    def choice(name: str, values: Sequence[float]) -> float:
        return near[name] if near and rng.random() < 0.8 else values[int(rng.integers(len(values)))]

    found = {name: float(round(number(name, near[name] if near else None))) for name in WHOLE}
    found |= {"activation": choice("activation", (0, 1, 2)), "bigram": choice("bigram", (0, 1))}
    found |= {name: number(name, near[name] if near else None) for name in ("lr", "scale")}
    found["one"] = 1.0 - number("gap_one", 1.0 - near["one"] if near else None)
    found["two"] = 1.0 - number("gap_two", 1.0 - near["two"] if near else None) if adaptive else 0.0
    found["last"] = choice("last", (0.0, 0.1, 1.0))
    return found


def tuned(
    adaptive: bool, sessions: Sequence[Callable[[], Exchange]], tries: int, seed: int
) -> tuple[dict[str, float], float]:
    """The best rule of ``tries``, and its mean on the runs: half drawn from all of the ranges, half near the best."""
    rng, best, least = np.random.default_rng(seed), dict[str, float](), math.inf
    for number in range(tries):
        rule = drawn(rng, adaptive, best if number >= tries // 2 else None)
        try:
            mean = float(np.mean([trained(rule, session()) for session in sessions]))
        except InvalidAnswer:
            continue
        if mean < least:
            best, least = rule, mean
    return best, least
