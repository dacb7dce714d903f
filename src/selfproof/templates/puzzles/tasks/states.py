"""Every state of the Game of 24 that four numbers of 1..13 can lead to, exactly: rationals as pairs of integers.

A move replaces two numbers of a state by one result: sum, distance, product or either quotient. Distances instead of
both differences lose no solution (a sign can be carried to the end, and 24 is positive). A state is a multiset; states
that different moves or different hands lead to are one state. All of it is built at once, in about a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

TARGET = 24
HIGHEST = 13
RESULTS = 5
NONE = -1

Ints = NDArray[np.int64]


def results(a: Ints, b: Ints) -> Ints:
    """What two rationals (..., 2) can become: (..., 5, 2) as numerator and positive denominator in lowest terms.

    A division by zero has denominator 0.
    """
    (x, y), (u, v) = (a[..., 0], a[..., 1]), (b[..., 0], b[..., 1])
    cross, other, below = x * v, u * y, y * v
    top = np.stack([cross + other, np.abs(cross - other), x * u, cross, other], axis=-1)
    bottom = np.stack([below, below, below, other, cross], axis=-1)
    common = np.maximum(np.gcd(top, bottom), 1)
    return np.stack([top // common, bottom // common], axis=-1)


def _moves(states: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """states (n, k, 2) -> what one move leads to (n, moves, k - 1, 2), largest number first, and whether it may be."""
    k, found, valid = states.shape[1], [], []
    for i, j in combinations(range(k), 2):
        new = results(states[:, i], states[:, j])
        rest = states[:, [m for m in range(k) if m not in (i, j)]]
        wide = np.broadcast_to(rest[:, None], (len(states), RESULTS, k - 2, 2))
        found.append(np.concatenate([wide, new[:, :, None]], axis=2))
        valid.append(new[..., 1] > 0)
    after, may = np.concatenate(found, axis=1), np.concatenate(valid, axis=1)
    size = after[..., 0] / np.maximum(after[..., 1], 1)
    order = np.argsort(-size, axis=2, kind="stable")
    return np.take_along_axis(after, order[..., None], axis=2), may


def _named(after: Ints, may: NDArray[np.bool_], rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Distinct states (m, k, 2), in an order that says nothing, and for each move the number of its state, or NONE."""
    n, moves, k, _ = after.shape
    keys = np.zeros((n, moves), dtype=np.int64)
    for place in range(k):  # after two moves numerators are at most 2197 and denominators 169: 20 bits for each number
        keys = (keys << 20) + (after[:, :, place, 0] << 8) + after[:, :, place, 1]
    _, first, inverse = np.unique(keys[may], return_index=True, return_inverse=True)
    shuffled = rng.permutation(len(first))
    names = np.full((n, moves), NONE, dtype=np.int64)
    names[may] = shuffled[inverse.ravel()]
    states = np.zeros((len(first), k, 2), dtype=np.int64)
    states[shuffled] = after[may][first]
    return states, names


@dataclass(frozen=True)
class Game:
    """``hands`` (n, 4) that can be solved; ``threes`` and ``twos``: all states of three and two numbers as rationals
    (m, k, 2); ``first`` (n, 30): the states of three that a hand leads to; ``second`` (m, 15): the states of two that
    a state of three leads to; ``wins``: whether one more move makes the target; ``ways``: winning states of three.
    """

    hands: Ints
    threes: Ints
    twos: Ints
    first: Ints
    second: Ints
    wins: NDArray[np.bool_]
    ways: Ints


def game(target: int = TARGET) -> Game:
    """All of the game."""
    rng = np.random.default_rng(24)  # for the order of states alone: ties are broken by it
    hands = np.array(list(combinations_with_replacement(range(1, HIGHEST + 1), 4)), dtype=np.int64)
    start = np.stack([hands, np.ones_like(hands)], axis=-1)
    threes, first = _named(*_moves(start), rng)
    twos, second = _named(*_moves(threes), rng)
    last = results(twos[:, 0], twos[:, 1])
    wins = ((last[..., 0] == target) & (last[..., 1] == 1)).any(axis=1)
    winning = np.any((second != NONE) & wins[second], axis=1)
    ways = np.array([winning[np.unique(row[row != NONE])].sum() for row in first], dtype=np.int64)
    can = ways > 0
    return Game(hands[can], threes, twos, first[can], second, wins, ways[can])
