"""Counts of what followed each context, looked up for thousands of positions at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .corpora import ORDERS, SYMBOLS, Pool


class Counts:
    """For each order a sorted array of (context, next symbol) keys with their counts."""

    def __init__(self, learned: Pool) -> None:
        self._keys: list[NDArray[np.uint64]] = []
        self._counts: list[NDArray[np.float32]] = []
        for order in range(ORDERS):
            keys = learned.contexts[order] * np.uint64(SYMBOLS) + learned.truth
            unique, counts = np.unique(keys, return_counts=True)
            self._keys.append(unique)
            self._counts.append(counts.astype(np.float32))

    def rows(self, contexts: NDArray[np.uint64]) -> NDArray[np.float32]:
        """contexts (orders, positions) -> counts (positions, orders, symbols), a few microseconds per position."""
        positions = contexts.shape[1]
        rows = np.zeros((positions, ORDERS, SYMBOLS), dtype=np.float32)
        for order, keys in enumerate(self._keys):
            first = contexts[order] * np.uint64(SYMBOLS)
            low = np.searchsorted(keys, first)
            found = np.searchsorted(keys, first + np.uint64(SYMBOLS)) - low
            where = np.repeat(np.arange(positions), found)
            within = np.arange(len(where)) - np.repeat(np.cumsum(found) - found, found)
            index = np.repeat(low, found) + within
            rows[where, order, (keys[index] % np.uint64(SYMBOLS)).astype(np.intp)] = self._counts[order][index]
        return rows
