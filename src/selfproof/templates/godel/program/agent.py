"""Solver and improver in one module, which edits all of itself: a Goedel machine of the provable kind.

``solve`` ranks the states of the Game of 24: a search expands the states with the highest scores first. ``improve``
looks at a view of the program's life and returns edits of this very file: mostly of ``score``, now and then of its own
parts too. Both run in the jail, and whatever ``improve`` returns is a suggestion.
"""

import hashlib
import random

import numpy as np
from selfproof.operators import EditImpossible, edit_function, normal_form, size

TARGET = 24.0
OPERATORS = {
    "constant": 3.0, "replace": 1.5, "wrap": 3.0, "blend": 3.0, "unwrap": 1.0, "insert": 1.0, "crossover": 1.5,
}  # fmt: skip
LARGEST = 45


def score(a, b, c, n, t, near, whole, divides):
    """Every argument is an array with one value for each state, but ``t``.

    a, b, c: the numbers, largest first (c is 0 if there are two); n: how many there are, 3 or 2; t: the target;
    near: how far the number nearest to the target is from it; whole: the share of numbers that are integers;
    divides: the share of numbers that divide the target.
    """
    return 0.0 * n


def solve(states):
    """states (rows, 4): the numbers, largest first, 0 where there is none, and how many -> a score for each (rows,)."""
    a, b, c, n = np.ascontiguousarray(states.T)
    there = np.stack([a, b, c])
    held = np.stack([n > 0, n > 1, n > 2])
    integer = held & (there == np.rint(there))
    divisor = integer & (there > 0) & (TARGET % np.maximum(there, 1.0) == 0)
    near = np.where(held, np.abs(there - TARGET), 1e9).min(axis=0)
    with np.errstate(all="ignore"):
        found = score(a, b, c, n, TARGET, near, integer.sum(axis=0) / n, divisor.sum(axis=0) / n)
    found = np.asarray(found, dtype=np.float64) + np.zeros(len(n))
    return np.where(np.isfinite(found), found, -1e30)


def weight(name, kept, tried):
    """How often an operator is used: by its usual weight and by the share of its attempts that were worth keeping."""
    return OPERATORS[name] * (0.5 + kept / tried)


def willing(lot):
    """Whether an edit changes the improver as well; ``lot`` is drawn uniformly from 0 to 1."""
    return lot < 0.15


def form_of(source):
    """A short name for the code itself, without comments and layout."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()[:16]


def credit(history, operator):
    """The weight of an operator after what became of its attempts, recent ones counting more."""
    tried, kept = 0.05, 0.02
    for place, row in enumerate(history):
        if row["operator"] == operator:
            recent = (place + 1) / len(history)
            tried += recent
            kept += recent * (row["outcome"] == "raced")
    return weight(operator, kept, tried)


def edited_self(source, rng):
    """The source with one of the improver's own parts changed, and what was changed."""
    part = rng.choice(("weight", "willing", "improve"))
    operator = "constant" if part == "improve" else rng.choice(("constant", "replace", "wrap", "unwrap"))
    source, title = edit_function(source, part, operator, rng)
    return source, f"{part}: {title}"


def improve(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits of this file."""
    rng = random.Random(view["seed"])
    operators = [name for name in OPERATORS if name in view["operators"]]
    weights = [max(0.001, float(credit(view["history"], name))) for name in operators]
    known, edits = set(view["tried"]), []
    for index in range(view["wanted"] * 3):
        parent = view["parents"][index % len(view["parents"])]
        other = rng.choice(view["parents"])["source"]
        operator = rng.choices(operators, weights)[0]
        times = 1 if rng.random() < 0.7 else 2
        try:
            source, title = edit_function(parent["source"], view["function"], operator, rng, other=other, repeat=times)
            if willing(rng.random()):
                source, more = edited_self(source, rng)
                title = f"{title}; {more}"
        except EditImpossible:
            continue
        form = form_of(source)
        if form not in known and size(source, view["function"]) <= LARGEST and len(edits) < view["wanted"]:
            known.add(form)
            edits.append(
                {"files": {view["path"]: source}, "title": title, "operator": operator, "parent": parent["id"]}
            )
    return edits
