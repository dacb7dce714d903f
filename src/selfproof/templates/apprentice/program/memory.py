"""The apprentice's memory: how it turns what it has seen into a guess about the next character.

It is given, for every position of a block and every order n = 0..6, how often each symbol followed the last n
characters in the text that it learned from. It merges these counts from short contexts to long ones.
"""

import numpy as np


def merge(c, t, d, s, q, n):
    """One step: counts of order n and the guess of order n - 1 become the guess of order n (any positive scale).

    c: counts (positions, symbols); t: their sum; d: how many differ from 0; s: how many are 1 (all (positions, 1));
    q: the guess of the lower order (positions, symbols); n: the order.
    """
    return (c + 1.0) / (t + 97.0)


def predict(counts):
    """counts (positions, orders, symbols) -> a distribution over the next symbol (positions, symbols)."""
    positions, orders, symbols = counts.shape
    ones = np.ones((symbols, 1), dtype=np.float32)
    q = np.full((positions, symbols), 1.0 / symbols, dtype=np.float32)
    with np.errstate(all="ignore"):
        for n in range(orders):
            c = np.ascontiguousarray(counts[:, n])
            p = merge(c, c @ ones, (c > 0) @ ones, (c == 1) @ ones, q, np.float32(n))
            p = np.fmin(np.fmax(p, 0.0), 1e30)
            total = p.sum(axis=1, keepdims=True)
            q = np.where(total > 0, p / total, q)
    return q.astype(np.float32)
