"""How promising a state of the Game of 24 is: a search expands the states with the highest scores first.

A state is the three or two numbers that are left of four. The search has 25 expansions for a hand.
"""

import numpy as np

TARGET = 24.0


def score(a, b, c, n, t, near, whole, divides):
    """Every argument is an array with one value for each state, but ``t``.

    a, b, c: the numbers, largest first (c is 0 if there are two); n: how many there are, 3 or 2; t: the target;
    near: how far the number nearest to the target is from it; whole: the share of numbers that are integers;
    divides: the share of numbers that divide the target.
    """
    return 0.0 * n


def rank(states):
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
