"""The best-first search itself, on the trusted side: a policy has given a score for each state and nothing more.

So no policy can expand more states than the budget, whatever it does in its jail, and none decides by itself whether a
hand is solved. To expand a state is to make all of its moves; a hand is solved when a move makes the target. The hand
itself is expanded first and counts. A state is expanded once, however many moves lead to it. Equal scores: fewer
numbers first, then an order of states that says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .states import NONE, Game

BUDGET = 25

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Block:
    """The states of some hands of a game: each once, those of three numbers before those of two."""

    def __init__(self, game: Game, hands: Sequence[int]) -> None:
        """``hands``: their numbers in the game; one may come twice."""
        self._threes = [_distinct(game.first[hand]) for hand in hands]
        self._twos = [_distinct(game.second[threes]) for threes in self._threes]
        three, two = _distinct(np.concatenate(self._threes)), _distinct(np.concatenate(self._twos))
        self.states = np.zeros((len(three) + len(two), 4))
        self.states[: len(three), :3] = _values(game.threes[three])
        self.states[len(three) :, :2] = _values(game.twos[two])
        self.states[:, 3] = np.repeat([3.0, 2.0], [len(three), len(two)])
        self._lay_out(game, three, two)

    def _lay_out(self, game: Game, three: Ints, two: Ints) -> None:
        """Slots of a hand: its states of two numbers, a gap, its states of three, a gap. Gaps are never open."""
        n, wide, high = len(self._threes), max(map(len, self._twos)), max(map(len, self._threes))
        self._edge = wide + 1
        self._rows = np.zeros((n, wide + high + 2), dtype=np.int64)
        self._wins = np.zeros(self._rows.shape, dtype=bool)
        self._open = np.zeros(self._rows.shape, dtype=bool)
        self._below = np.full((n, high, game.second.shape[1]), wide, dtype=np.int64)  # the gap stands for no state
        for i, (threes, twos) in enumerate(zip(self._threes, self._twos, strict=True)):
            here = slice(self._edge, self._edge + len(threes))
            self._rows[i, : len(twos)] = len(three) + np.searchsorted(two, twos)
            self._rows[i, here] = np.searchsorted(three, threes)
            self._wins[i, : len(twos)] = game.wins[twos]
            self._open[i, here] = True
            moves = game.second[threes]
            self._below[i, : len(threes)] = np.where(moves == NONE, wide, np.searchsorted(twos, moves))
        self._gap = wide

    def expanded(self, scores: Floats, budget: int = BUDGET) -> Ints:
        """scores, one for each row of ``states`` -> for each hand how many states were expanded to solve it, or 0."""
        everyone = np.arange(len(self._rows))
        ranks = scores[self._rows]
        is_open = self._open.copy()
        fresh = np.ones(self._rows.shape, dtype=bool)
        fresh[:, self._gap] = False
        solved = np.zeros(len(everyone), dtype=np.int64)
        for number in range(2, budget + 1):  # the hand itself was the first
            at = np.argmax(np.where(is_open, ranks, -np.inf), axis=1)
            some = is_open[everyone, at]
            solved = np.where(some & self._wins[everyone, at] & (solved == 0), number, solved)
            is_open[everyone, at] = False
            fresh[everyone, at] = False
            wide = np.flatnonzero(some & (at >= self._edge))
            below = self._below[wide, at[wide] - self._edge]
            is_open[wide[:, None], below] |= fresh[wide[:, None], below]
        return solved


def _distinct(numbers: Ints) -> Ints:
    found: Ints = np.unique(numbers[numbers != NONE])
    return found


def _values(states: Ints) -> Floats:
    values: Floats = states[..., 0] / states[..., 1]
    return values
