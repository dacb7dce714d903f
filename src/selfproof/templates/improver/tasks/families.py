"""Cheap tasks for an improver, drawn without end: each is a rule to improve, and a loss that takes about 0.1 ms.

``TRAIN`` families are searched and certified on, ``UNSEEN`` ones only reported. A problem's loss is a number that the
rule should bring down; ``first`` is the start's, ``reference`` that of a good rule (of people's, tuned on the very
problem, or the truth that it was drawn from). Everything follows from the generator that a problem is drawn with.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .expressions import Rule, Scope, Value, read

Floats = NDArray[np.float64]
Loss = Callable[[Callable[[Scope], Value]], float]
FUNCTION = "rule"
LEAST_GAP = 0.05
"""Of start and reference, in the loss: a problem with less to gain is drawn again."""


@dataclass(frozen=True)
class Problem:
    """A rule's arguments, its text at the start, its loss, and the losses of the start and of a good rule."""

    family: str
    arguments: tuple[str, ...]
    source: str
    loss: Loss
    first: float
    reference: float

    def gap(self, loss: float) -> float:
        """The share of the way from the start to the reference, 0 to 1."""
        return min(1.0, max(0.0, (self.first - loss) / (self.first - self.reference)))


def text_of(arguments: tuple[str, ...], expression: str) -> str:
    """The file of a rule with this expression."""
    return f"def {FUNCTION}({', '.join(arguments)}):\n    return {expression}\n"


def problem(family: str, rng: np.random.Generator) -> Problem:
    """A problem of a family."""
    while True:
        arguments, start, loss, references = FAMILIES[family](rng)
        source = text_of(arguments, start)
        first = measured(loss, read(source, FUNCTION, arguments))
        reference = min(references)
        if math.isfinite(first) and first - reference >= LEAST_GAP:
            return Problem(family, arguments, source, loss, first, reference)


def measured(loss: Loss, rule: Rule) -> float:
    """A rule's loss; infinite where it is no number."""
    with np.errstate(all="ignore"):
        found = float(loss(rule))
    return found if math.isfinite(found) else math.inf


Drawn = tuple[tuple[str, ...], str, Loss, list[float]]


def _full(value: Value, shape: tuple[int, ...]) -> Floats:
    """A rule's value in the shape that is asked for, nan and infinity as very bad but finite."""
    found = np.broadcast_to(np.asarray(value, dtype=np.float64), shape)
    return np.where(np.isfinite(found), found, -1e30)


# -- merge: what a memory does with counts ------------------------------------------------------------------------

SYMBOLS, POSITIONS, CHAINS = 8, 48, 32
NAMES_OF_COUNTS = ("c", "t", "d", "s", "q", "n")


def _merge(rng: np.random.Generator) -> Drawn:
    """Guess the next symbol from counts of orders 0 to 2 (see the apprentice's ``memory.py``); bits a symbol."""
    firmness = np.exp(rng.uniform(-1.0, 2.5, 2))
    base = rng.dirichlet(np.full(SYMBOLS, 1.0))
    one = np.stack([rng.dirichlet(firmness[0] * SYMBOLS * base + 0.02) for _ in range(SYMBOLS)])
    two = np.stack([rng.dirichlet(firmness[1] * SYMBOLS * one[i % SYMBOLS] + 0.02) for i in range(SYMBOLS**2)])
    learned = _chain(two, int(np.exp(rng.uniform(1.5, 4.0))), rng)
    shown = _chain(two, 4, rng).reshape(-1, 3)[:POSITIONS]
    rows = np.stack([_counts(learned, shown, order) for order in range(3)])
    truth = shown[:, 2]

    def loss(rule: Callable[[Scope], Value]) -> float:
        q = np.full((len(truth), SYMBOLS), 1.0 / SYMBOLS)
        for order, (c, t, d, s) in enumerate(tables):
            p = rule({"c": c, "t": t, "d": d, "s": s, "q": q, "n": np.float64(order)})
            p = np.fmin(np.fmax(np.broadcast_to(p, q.shape), 0.0), 1e30)
            total = p.sum(axis=1, keepdims=True)
            q = np.where(total > 0, p / total, q)
        mass = q[np.arange(len(truth)), truth] * 0.999 + 0.001 / SYMBOLS
        return float(-np.log2(mass).mean())

    tables = [(c, c.sum(1, keepdims=True), (c > 0).sum(1, keepdims=True) + 0.0, (c == 1).sum(1, keepdims=True) + 0.0)
              for c in rows]  # fmt: skip
    people = [lambda v, k=k: (v["c"] + k * v["q"]) / (v["t"] + k) for k in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)]
    people += [lambda v, k=k: v["c"] + k * v["d"] * v["q"] for k in (0.5, 1.0, 2.0, 4.0)]
    with np.errstate(all="ignore"):
        references = [loss(one) for one in people]
    return NAMES_OF_COUNTS, "(c + 1.0) / (t + 8.0)", loss, references


def _chain(two: Floats, steps: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Triples (previous but one, previous, next) of chains that run side by side: (chains * steps, 3)."""
    edges, found = two.cumsum(axis=1), []
    a, b = rng.integers(0, SYMBOLS, (2, CHAINS))
    for _ in range(steps + 2):
        draw = rng.random((CHAINS, 1))
        c = np.minimum((edges[a * SYMBOLS + b] < draw).sum(axis=1), SYMBOLS - 1)
        found.append(np.stack([a, b, c], axis=1))
        a, b = b, c
    return np.concatenate(found[2:])


def _counts(learned: NDArray[np.intp], shown: NDArray[np.intp], order: int) -> Floats:
    """What followed each shown context of this order: (positions, symbols)."""
    weights = np.array([SYMBOLS, 1]) * np.array([order > 1, order > 0])
    table = np.zeros((SYMBOLS**2, SYMBOLS))
    np.add.at(table, (learned[:, :2] @ weights, learned[:, 2]), 1.0)
    found: Floats = table[shown[:, :2] @ weights]
    return found


# -- schedule: in which order one machine takes its jobs ----------------------------------------------------------

INSTANCES, JOBS = 24, 10


def _schedule(rng: np.random.Generator) -> Drawn:
    """Weighted tardiness, partly weighted completion, of jobs in the order of their priority; FIFO's is 1."""
    p = rng.uniform(1.0, rng.uniform(3.0, 12.0), (INSTANCES, JOBS))
    w = rng.uniform(1.0, rng.uniform(1.5, 10.0), (INSTANCES, JOBS))
    d = p + rng.uniform(0.0, rng.uniform(0.3, 1.1), (INSTANCES, JOBS)) * p.sum(axis=1, keepdims=True)
    share, row = rng.choice([0.0, 0.3, 1.0]), np.arange(INSTANCES)[:, None]

    def cost(order: NDArray[np.intp]) -> float:
        done = p[row, order].cumsum(axis=1)
        late = np.maximum(done - d[row, order], 0.0)
        return float((w[row, order] * (share * done + (1.0 - share) * late)).sum())

    usual = cost(np.broadcast_to(np.arange(JOBS), p.shape))

    def loss(rule: Callable[[Scope], Value]) -> float:
        priority = _full(rule({"w": w, "p": p, "d": d, "s": d - p, "m": np.float64(p.mean())}), p.shape)
        return cost(np.argsort(-priority, axis=1, kind="stable")) / usual

    def urgent(k: float) -> Floats:
        found: Floats = w / p * np.exp(-np.maximum(d - p, 0.0) / (k * p.mean()))
        return found

    people = [w / p, -d, -p, *(urgent(k) for k in (0.5, 1.0, 2.0, 4.0, 8.0))]
    costs = [cost(np.argsort(-one, axis=1, kind="stable")) / usual for one in people]
    return ("w", "p", "d", "s", "m"), "0.0 * w", loss, costs


# -- formula: find the function from its values -------------------------------------------------------------------

POINTS = 48


def _truth(v: list[Floats], rng: np.random.Generator, depth: int = 3) -> Floats:
    """A random function of some variables at their values, standardised."""

    def grown(depth: int) -> Floats:
        if depth == 0 or rng.random() < 0.15:
            return np.asarray(v[rng.integers(len(v))] * math.exp(rng.uniform(-1.0, 1.0)))
        kind = rng.integers(6)
        one = grown(depth - 1)
        if kind == 4:
            return np.asarray(np.sqrt(np.abs(one)))
        if kind == 5:
            return np.asarray(np.log1p(np.abs(one)))
        other = grown(depth - 1)
        return (one + other, one - other, one * other, one / (1.0 + np.abs(other)))[kind]

    while True:
        found = grown(depth)
        spread = float(found.std())
        if spread > 1e-3:
            return np.asarray((found - found.mean()) / spread)


def _formula(rng: np.random.Generator) -> Drawn:
    """Root mean square error against a hidden function, standardised and shifted."""
    x, y, z = rng.uniform(-2.0, 2.0, (3, POINTS)) + rng.uniform(-1.0, 2.0, (3, 1))
    target = _truth([x, y, z], rng) + rng.normal()

    def loss(rule: Callable[[Scope], Value]) -> float:
        error = np.broadcast_to(rule({"x": x, "y": y, "z": z}), target.shape) - target
        return math.sqrt(float((error * error).mean()))

    return ("x", "y", "z"), "0.0 * x", loss, [0.0]


# -- packing: which items go into the knapsack first --------------------------------------------------------------

SACKS, ITEMS = 24, 12


def _packing(rng: np.random.Generator) -> Drawn:
    """The value that greedy packing under two limits leaves behind, as a share of what the best of people's gets."""
    a, b = rng.uniform(1.0, rng.uniform(2.0, 12.0), (2, SACKS, ITEMS))
    tied = rng.uniform(0.0, 1.0)
    v = tied * (a + rng.uniform(0.0, 2.0) * b) + (1.0 - tied) * rng.uniform(1.0, 15.0, (SACKS, ITEMS))
    limits = rng.uniform(0.15, 0.7, 2)
    room = np.stack([limits[0] * a.sum(axis=1), limits[1] * b.sum(axis=1)])
    row = np.arange(SACKS)

    def value(priority: Floats) -> float:
        order, left, total = np.argsort(-priority, axis=1, kind="stable").T, room.copy(), 0.0
        for items in order:
            one, other = a[row, items], b[row, items]
            fits = (one <= left[0]) & (other <= left[1])
            left -= np.where(fits, (one, other), 0.0)
            total += float(v[row, items] @ fits)
        return total

    f, g = a / room[0][:, None], b / room[1][:, None]
    people = [value(v / (k * f + (1.0 - k) * g)) for k in (0.0, 0.25, 0.5, 0.75, 1.0)] + [value(v), value(-f - g)]
    best = max(people)

    def loss(rule: Callable[[Scope], Value]) -> float:
        return 1.0 - value(_full(rule({"v": v, "a": a, "b": b, "f": f, "g": g}), v.shape)) / best

    return ("v", "a", "b", "f", "g"), "0.0 * v", loss, [0.0]


# -- control: push a body to rest ---------------------------------------------------------------------------------

STATES, STEPS = 12, 8


def _control(rng: np.random.Generator) -> Drawn:
    """Square of place, speed and force over some steps, as a share of what no force leaves."""
    spring, bend, drag = rng.uniform(-0.6, 0.8), rng.uniform(-0.05, 0.2), rng.uniform(0.0, 0.5)
    price, most, step = np.exp(rng.uniform(-4.0, -0.5)), rng.uniform(1.0, 6.0), rng.uniform(0.15, 0.35)
    start = rng.uniform(-2.0, 2.0, (2, STATES))

    def cost(rule: Callable[[Scope], Value]) -> float:
        x, u, total = start[0], start[1], 0.0
        for _ in range(STEPS):
            force = rule({"x": x, "u": u, "m": np.float64(most)})
            force = np.fmax(np.fmin(np.broadcast_to(force, x.shape), most), -most)
            force = np.where(np.isnan(force), 0.0, force)
            u = u + step * (force - spring * x - bend * x * x * x - drag * u)
            x = x + step * u
            total += float((x * x).mean() + 0.2 * (u * u).mean() + price * (force * force).mean())
        return total

    with np.errstate(all="ignore"):
        usual = cost(lambda v: 0.0 * v["x"])
        grid = [(i, j) for i in (0.5, 1.0, 2.0, 4.0) for j in (0.5, 1.0, 2.0, 4.0)]
        people = [cost(functools.partial(_damped, i, j)) / usual for i, j in grid]
    return ("x", "u", "m"), "0.0 * x", lambda rule: cost(rule) / usual, people


def _damped(i: float, j: float, v: Scope) -> Value:
    return -i * v["x"] - j * v["u"]


# -- classify: on which side of a curve ---------------------------------------------------------------------------

CASES = 64


def _classify(rng: np.random.Generator) -> Drawn:
    """Bits that the sign of a noisy hidden function costs, the rule being its log-odds."""
    x, y = rng.normal(0.0, 1.0, (2, CASES)) + rng.uniform(-0.5, 1.0, (2, 1))
    odds = rng.uniform(2.0, 6.0) * (_truth([x, y, x * y], rng, 2) + rng.normal(0.0, 0.5))
    sign = np.where(rng.random(CASES) < 1.0 / (1.0 + np.exp(-odds)), 1.0, -1.0)

    def bits(value: Floats) -> float:
        return float(np.logaddexp(0.0, -sign * np.clip(value, -30.0, 30.0)).mean() / math.log(2.0))

    def loss(rule: Callable[[Scope], Value]) -> float:
        return bits(np.broadcast_to(rule({"x": x, "y": y}), sign.shape))

    return ("x", "y"), "0.0 * x", loss, [bits(odds)]


# -- choose: the best of a list -----------------------------------------------------------------------------------

LISTS, LONG = 32, 6


def _choose(rng: np.random.Generator) -> Drawn:
    """What is lost by taking the item that the rule ranks first, as a share of what any item loses."""
    a, b, c, e = rng.uniform(0.0, 2.0, (4, LISTS * LONG)) * np.exp(rng.uniform(-1.0, 1.0, (4, 1)))
    worth = _truth([a, b, c, e], rng).reshape(LISTS, LONG)
    shaped = {name: array.reshape(LISTS, LONG) for name, array in zip("abce", (a, b, c, e), strict=True)}
    best, usual = worth.max(axis=1), float((worth.max(axis=1) - worth.mean(axis=1)).mean())

    def loss(rule: Callable[[Scope], Value]) -> float:
        taken = np.argmax(_full(rule(shaped), worth.shape), axis=1)
        return float((best - worth[np.arange(LISTS), taken]).mean()) / usual

    return ("a", "b", "c", "e"), "0.0 * a", loss, [0.0]


FAMILIES: dict[str, Callable[[np.random.Generator], Drawn]] = {
    "merge": _merge, "schedule": _schedule, "formula": _formula, "packing": _packing,
    "control": _control, "classify": _classify, "choose": _choose,
}  # fmt: skip
TRAIN = ("merge", "schedule", "formula", "packing")
UNSEEN = ("control", "classify", "choose")


def every(families: tuple[str, ...], rng: np.random.Generator) -> Iterator[Problem]:
    """One problem of each of these families, in a random order."""
    for place in rng.permutation(len(families)):
        yield problem(families[int(place)], rng)
