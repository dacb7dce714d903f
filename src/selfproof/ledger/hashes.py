"""All hashes of a tree in memory, for making many proofs: 64 bytes an entry, each proof in O(log n).

Nodes are kept by height, only those of complete subtrees; the right edge is hashed when it is asked for.

Does not protect against:
- leaf hashes that are another log's: they are taken as they come
"""

from __future__ import annotations

from collections.abc import Iterable

from selfproof.ledger.merkle import EMPTY_ROOT, node_hash

HASH = 32


class Hashes:
    """The tree over some leaf hashes (RFC 6962 section 2.1), which may grow."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0]) // HASH

    def append(self, leaf: bytes) -> None:
        """Take in the hash of one more leaf."""
        value, level = leaf, 0
        while True:
            row = self._levels[level]
            row += value
            if (len(row) // HASH) % 2:
                return
            value, level = node_hash(bytes(row[-2 * HASH : -HASH]), bytes(row[-HASH:])), level + 1
            if level == len(self._levels):
                self._levels.append(bytearray())

    def root(self, size: int | None = None) -> bytes:
        """The root of the first ``size`` leaves; IndexError if there are fewer."""
        size = self.size if size is None else size
        if not 0 <= size <= self.size:
            raise IndexError(f"size {size} of a tree with {self.size} leaves")
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of this size, lowest sibling first (RFC 6962 section 2.1.1)."""
        if not 0 <= index < size <= self.size:
            raise IndexError(f"leaf {index} of a tree of size {size}, {self.size} leaves are known")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """The proof that the tree of size ``old`` is a prefix of the one of ``size`` (RFC 6962 section 2.1.2)."""
        if not 0 <= old <= size <= self.size:
            raise IndexError(f"sizes {old} and {size} of a tree with {self.size} leaves")
        path: list[bytes] = []
        low, high, whole = 0, size, True
        if old in (0, size):
            return []
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low, whole = middle, False
        return [*([] if whole else [self._range(low, high)]), *path[::-1]]

    def _range(self, low: int, high: int) -> bytes:
        """The hash of the leaves low..high-1; ``low`` is a multiple of the largest power of two below the length."""
        width = high - low
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            at = (low >> level) * HASH
            return bytes(self._levels[level][at : at + HASH])
        middle = low + _split(width)
        return node_hash(self._range(low, middle), self._range(middle, high))


def _split(width: int) -> int:
    """The largest power of two smaller than ``width`` (2 and more)."""
    return 1 << ((width - 1).bit_length() - 1)
