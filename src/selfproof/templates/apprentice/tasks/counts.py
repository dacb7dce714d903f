"""Counts of what followed each context, looked up for thousands of positions at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .corpora import ORDERS, SYMBOLS, Pool

Keys = NDArray[np.uint64]
Rows = NDArray[np.float32]


class Counts:
    """For each order a sorted array of (context, next symbol) keys with their counts."""

    def __init__(self, learned: Pool) -> None:
        seen = [learned.contexts[order] * np.uint64(SYMBOLS) + learned.truth for order in range(ORDERS)]
        self._table = Table(seen)

    @cached_property
    def continued(self) -> Table:
        """Kneser & Ney's counts: before how many different symbols a context and its follower were seen.

        Of the longest contexts nothing further back is known: theirs are the plain counts.
        """
        # A key's first symbol is the most significant digit in base 97: without it, it is one of the order below.
        shorter = [self._table.keys[n + 1] % np.uint64(SYMBOLS ** (n + 1)) for n in range(ORDERS - 1)]
        table = Table(shorter)
        table.keys.append(self._table.keys[-1])
        table.counts.append(self._table.counts[-1])
        return table

    def rows(self, contexts: NDArray[np.uint64]) -> Rows:
        """contexts (orders, positions) -> counts (positions, orders, symbols), a few microseconds per position."""
        return self._table.rows(contexts)


class Table:
    """Distinct keys of each order, sorted, and how often each came."""

    def __init__(self, seen: Sequence[Keys]) -> None:
        self.keys: list[Keys] = []
        self.counts: list[Rows] = []
        for keys in seen:
            unique, counts = np.unique(keys, return_counts=True)
            self.keys.append(unique)
            self.counts.append(counts.astype(np.float32))

    def rows(self, contexts: NDArray[np.uint64]) -> Rows:
        """contexts (orders, positions) -> counts (positions, orders, symbols)."""
        positions = contexts.shape[1]
        rows = np.zeros((positions, ORDERS, SYMBOLS), dtype=np.float32)
        for order, keys in enumerate(self.keys):
            first = contexts[order] * np.uint64(SYMBOLS)
            low = np.searchsorted(keys, first)
            found = np.searchsorted(keys, first + np.uint64(SYMBOLS)) - low
            where = np.repeat(np.arange(positions), found)
            within = np.arange(len(where)) - np.repeat(np.cumsum(found) - found, found)
            index = np.repeat(low, found) + within
            rows[where, order, (keys[index] % np.uint64(SYMBOLS)).astype(np.intp)] = self.counts[order][index]
        return rows
