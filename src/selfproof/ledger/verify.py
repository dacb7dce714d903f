"""For everyone but the writer: `read` a ledger without a key or a lock, and `check` every byte of it.

Does not protect against:
- a ledger that was replaced as a whole by another one, or by an earlier copy of itself: compare the root or
  the vkey with one that you got some other way
- entries behind the last checkpoint (`unsigned_tail`) being dropped, or changed together with their checksums
- statements that were false when they were written
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.ledger import fast
from selfproof.ledger.blobs import SCRATCH, Blobs
from selfproof.ledger.errors import LedgerBroken
from selfproof.ledger.frames import leaves, open_log, scan
from selfproof.ledger.merkle import Tree, leaf_hash
from selfproof.ledger.openings import FOLDER, Openings, told
from selfproof.ledger.replay import Replay
from selfproof.ledger.statement import Leaf, is_sha256

RETENTION = "retention"
_MARK = b'"predicateType":"https://selfproof.dev/retention/v1"'


class Reader:
    """A snapshot of a ledger's entries; takes no lock, needs no key, never writes, checks no signature."""

    def __init__(self, folder: Path) -> None:
        """Hash the whole records that are there now; LedgerBroken where one does not read back."""
        self._folder, self._blobs, tree = folder, Blobs(folder), Tree()
        with open_log(folder) as file:
            for frame in scan(file):
                tree = tree.append(leaf_hash(frame.raw))
        self.size, self.root = tree.size, tree.root

    def leaves(self, start: int = 0) -> Iterator[Leaf]:
        """Yield the entries from `start` on."""
        return leaves(self._folder, start, self.size)

    def get_blob(self, digest: str) -> bytes:
        """Return a blob; LedgerBroken if it is missing or altered."""
        return self._blobs.get(digest)


def read(folder: Path) -> Reader:
    """Return a reader over the entries in `folder` as they are now."""
    return Reader(folder)


@dataclass(frozen=True)
class Check:
    """The result of `check`: how many entries are good, their root (hex), and what is first wrong.

    `first_bad` has index (or None), kind and reason. `unsigned_tail` entries lie behind the checkpoint.
    """

    ok: bool
    entries: int
    root: str
    first_bad: dict[str, Any] | None
    unsigned_tail: int


def check(folder: Path, visit: Callable[[Leaf], object] | None = None) -> Check:
    """Check form, hashes, key, signature, every blob, and that nothing else is there; damage never raises.

    ``visit`` gets every entry on the way, in order; what it finds counts only if all is sound. It must not raise.
    """
    tree, signed, bad = Tree(), 0, None
    try:
        replay = Replay.of(folder)
        signed, last, blobs = replay.checkpoint.size, "", Blobs(folder)
        known: set[str] = set()
        gone = retained(folder, signed)
        texts = _Texts(folder)
        for frame, grown in replay.steps():
            leaf = texts.told(frame.leaf(fast.document))
            if leaf.time < last:
                raise LedgerBroken(leaf.index, leaf.kind, f"{leaf.time} is earlier than the entry before it")
            needed = (digest for digest in fast.blobs(leaf) if digest not in gone or blobs.path(digest).exists())
            if fault := blobs.fault_of(needed, known):
                raise LedgerBroken(leaf.index, leaf.kind, fault)
            tree, last = grown, leaf.time
            if visit is not None:
                visit(leaf)
        texts.settle()
        _check_files(folder, blobs, known)
    except LedgerBroken as error:
        bad = {"index": error.index, "kind": error.kind, "reason": error.reason}
    except OSError as error:
        bad = {"index": None, "kind": "log", "reason": f"cannot be read: {error}"}
    return Check(bad is None, tree.size, tree.root.hex(), bad, max(0, tree.size - signed))


def let_go(leaf: Leaf) -> list[str]:
    """The blobs that an entry says were let go: their hashes stay, their bytes need not be there any longer."""
    if leaf.kind != RETENTION:
        return []
    rows = leaf.body.get("batches")
    found = [row.get("blob") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return [str(digest) for digest in found if is_sha256(digest)]


def retained(folder: Path, signed: int) -> set[str]:
    """The blobs that signed entries say were let go."""
    with open_log(folder) as file:
        window = b""
        while chunk := file.read(1 << 20):  # most logs have no such entry, and are not parsed for it
            if _MARK in window[-len(_MARK) :] + chunk:
                break
            window = chunk
        else:
            return set()
    with open_log(folder) as file:
        leaves = (frame.leaf() for frame in scan(file, covered=signed) if frame.number < signed and _MARK in frame.raw)
        return {digest for leaf in leaves for digest in let_go(leaf)}


class _Texts:
    """Texts that entries have commitments to: each is there, or an entry says that it was taken out."""

    def __init__(self, folder: Path) -> None:
        self._openings = Openings(folder)
        self._committed: dict[str, tuple[int, str, str]] = {}
        self._redacted: set[str] = set()

    def told(self, leaf: Leaf) -> Leaf:
        """An entry with its texts."""
        told_leaf = told(leaf, self._openings)
        if told_leaf is not leaf:
            leaf = told_leaf
            self._committed |= {digest: (leaf.index, leaf.kind, field) for field, digest in leaf.commits}
        if leaf.kind == "redact":
            self._redacted.add(str(leaf.body.get("commit")))
        return leaf

    def settle(self) -> None:
        """Name a text that is gone without an entry, or an opening of nothing."""
        here = set(self._openings.files())
        for digest, (index, kind, field) in self._committed.items():
            if digest not in here | self._redacted:
                raise LedgerBroken(index, kind, f"the text of {field} is gone, and no entry says that it was redacted")
        for name in sorted(here - set(self._committed)):
            raise LedgerBroken(None, "stray", f"{FOLDER}/{name} does not belong in a ledger")


def _check_files(folder: Path, blobs: Blobs, known: set[str]) -> None:
    """Report files that do not belong, and blobs no entry refers to whose bytes do not match their name."""
    expected = {"log", "checkpoint", "vkey", "blobs", FOLDER, *SCRATCH}
    for path in sorted(folder.iterdir()):
        if path.name not in expected or path.is_symlink() or path.is_dir() != (path.name in {"blobs", FOLDER}):
            raise LedgerBroken(None, "stray", f"{path.name} does not belong in a ledger")
    for path in sorted(blobs.files()):
        digest = path.name
        if not is_sha256(digest) or path != blobs.path(digest):
            raise LedgerBroken(None, "stray", f"{path.relative_to(folder)} does not belong in a ledger")
        if digest not in known and (fault := blobs.fault(digest)):
            raise LedgerBroken(None, "blob", fault)
