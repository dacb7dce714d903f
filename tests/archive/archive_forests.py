"""Archives for the tests of search strategies."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import strategies as st

from selfproof.archive.strategies import Evidence, Node

SCORES = st.one_of(st.integers(0, 10).map(lambda tenths: tenths / 10), st.floats(0.0, 1.0))


@st.composite
def forests(draw: st.DrawFn, most: int = 9, least: int = 1, unscored: bool = False) -> Evidence:
    """Forests in a shuffled order, so that parents may come after their children; scores are often equal."""
    count, rng = draw(st.integers(least, most)), random.Random(draw(st.integers(0, 2**32)))
    above = [rng.randrange(i) if i and rng.random() < 0.8 else None for i in range(count)]
    names = [f"n{i}" for i in range(count)]
    rng.shuffle(names)

    def score() -> float | None:
        if unscored and rng.random() < 0.2:
            return None
        return rng.choice([rng.randrange(11) / 10, rng.random(), 0.0, 1.0])

    nodes = [
        Node(
            names[i], None if place is None else names[place], score(),
            rng.choice([0, rng.randrange(31)]), rng.choice([0, rng.randrange(31)]),
            above.count(i) + rng.randrange(3), rng.randrange(300), rng.choice("abc"),
        )
        for i, place in enumerate(above)
    ]  # fmt: skip
    rng.shuffle(nodes)
    return Evidence(tuple(nodes), pending=rng.randrange(4))


def shuffled(evidence: Evidence, seed: int) -> Evidence:
    """The same nodes in another order."""
    nodes = list(evidence.nodes)
    random.Random(seed).shuffle(nodes)
    return replace(evidence, nodes=tuple(nodes))


def flat(*scores: float | None) -> Evidence:
    """Nodes a, b, c ... without relations."""
    return Evidence(tuple(Node(chr(97 + i), score=score) for i, score in enumerate(scores)))
