"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1): its root, leaf by leaf.

Hashes are 32 raw bytes (SHA-256). A leaf is hashed as H(0x00 | data), a node as H(0x01 | left | right), so a
node can never be passed off as a leaf. `Tree` keeps only the O(log n) roots of its complete subtrees.

Does not protect against:
- a log whose owner shows different trees to different readers (that takes a witness)
- statements that were false when they were written: a tree proves order and integrity, not truth
"""

from collections.abc import Iterable
from functools import reduce
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf's bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Tree(NamedTuple):
    """An append-only tree, immutable: `peaks` are the roots of its complete subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "Tree":
        """Return the tree with one more leaf hash; amortised O(1) hashes."""
        peaks, rest = list(self.peaks), self.size
        while rest & 1:
            leaf = node_hash(peaks.pop(), leaf)
            rest >>= 1
        return Tree(self.size + 1, (*peaks, leaf))

    @property
    def root(self) -> bytes:
        """The tree hash of everything appended."""
        if not self.peaks:
            return EMPTY_ROOT
        *left, root = self.peaks
        for peak in reversed(left):
            root = node_hash(peak, root)
        return root


def root_at(entries: Iterable[bytes], size: int) -> bytes | None:
    """Return the tree hash of the first `size` entries, or None if there are fewer."""
    tree = reduce(Tree.append, map(leaf_hash, islice(entries, size)), Tree())
    return tree.root if tree.size == size else None
