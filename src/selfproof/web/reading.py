"""A life as the dashboard reads it: the fold of its ledger, kept, with only the entries that are new folded each time.

The root is kept too, and compared with every signed checkpoint that the log grows past. No lock, no key, no change: a
run may be going on.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from selfproof import charter as charters
from selfproof.archive.state import State, apply
from selfproof.ledger import Leaf, LedgerBroken, fast
from selfproof.ledger.blobs import Blobs
from selfproof.ledger.frames import Frame, open_log, scan
from selfproof.ledger.merkle import Tree, leaf_hash
from selfproof.ledger.note import Checkpoint
from selfproof.ledger.replay import Replay
from selfproof.nouns import SelfproofError
from selfproof.places import Paths
from selfproof.retention.rows import kept
from selfproof.viewing.seen import View

T = TypeVar("T")


class Reading(View):
    """One program. Use it within ``turn``: one thread at a time, on a state that holds still."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read before the first turn."""
        self.paths = Paths(folder)
        self._lock = threading.RLock()
        self._blobs = Blobs(self.paths.ledger)
        self._charter_stamp: tuple[int, int] | None = None
        self._forget()

    def _forget(self) -> None:
        self.state = State()
        self.tree = Tree()
        self.kinds: list[str] = []
        self.fault: str | None = None
        """What is wrong with the ledger, for a person; None as far as was looked."""
        self.checkpoint: Checkpoint | None = None
        self._starts = array("Q")
        self._end = 0
        self._inode: int | None = None
        self._seen: tuple[int, int] | None = None
        self._noted = b""
        self._roots: dict[int, bytes] = {}
        self._memo: dict[str, tuple[Any, Any]] = {}

    @contextmanager
    def turn(self) -> Iterator[Reading]:
        """Alone with the newest state."""
        with self._lock:
            self.refresh()
            yield self

    @property
    def born(self) -> bool:
        """Whether there is a life to look at."""
        return bool(self.kinds)

    def blob(self, digest: str) -> bytes:
        """A blob of the ledger.

        Raises:
            LedgerBroken: it is missing or altered.
        """
        return kept(self._blobs.get, self.state.overseen.let_go)(digest)

    def memo(self, name: str, make: Callable[[], T], key: Any = None) -> T:
        """What ``make`` gives, kept until the ledger grows (or until another ``key`` is given instead)."""
        stamp = self.state.entries if key is None else key
        held = self._memo.get(name)
        if held is None or held[0] != stamp:
            held = self._memo[name] = (stamp, make())
        return cast(T, held[1])

    def keep(self, name: str, value: object) -> None:
        """Remember what was made elsewhere under this name, until the ledger grows."""
        self._memo[name] = (self.state.entries, value)

    def raw(self, index: int) -> bytes:
        """An entry's bytes.

        Raises:
            SelfproofError: there is none of this number.
        """
        return self._frame(index).raw

    def entry(self, index: int) -> Leaf:
        """An entry, parsed.

        Raises:
            SelfproofError: there is none of this number.
        """
        return self._frame(index).leaf(fast.document)

    def offset(self, index: int) -> int:
        """Where in the log an entry begins; where the next one will, for the number behind the last.

        Raises:
            SelfproofError: there is none of this number.
        """
        if index == len(self._starts):
            return self._end
        if not 0 <= index < len(self._starts):
            raise SelfproofError(f"there is no entry {index}", advice=f"Entries go from 0 to {len(self._starts) - 1}.")
        return self._starts[index]

    def _frame(self, index: int) -> Frame:
        with open_log(self.paths.ledger) as file:
            file.seek(self.offset(index))
            try:
                frame = next(scan(file), None)
            except LedgerBroken as error:  # it was sound when it was folded
                self.fault = f"entry {index}: {error.reason}"
                raise LedgerBroken(index, error.kind, error.reason) from None
        if frame is None:
            raise SelfproofError(f"there is no entry {index}", advice=f"Entries go from 0 to {len(self._starts) - 1}.")
        return frame._replace(number=index)

    def refresh(self) -> None:
        """Take in what is new; what is wrong is told by ``fault``, and what was read before stays readable."""
        self._read_charter()
        log = self.paths.ledger / "log"
        try:
            told = log.stat()
        except OSError:
            if self.kinds:
                self._forget()
            return
        if self._inode not in {None, told.st_ino} or told.st_size < self._end:
            self._forget()  # another ledger lies there now
        self._inode = told.st_ino
        seen = (told.st_size, _changed(self.paths.ledger / "checkpoint"))
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._take()
        except LedgerBroken as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = f"the ledger cannot be read: {error}"

    def stamp(self) -> tuple[int, int, bool]:
        """Changes when the ledger grows, or when somebody orders a stop: a look that costs nearly nothing."""
        try:
            told = (self.paths.ledger / "log").stat()
        except OSError:
            return 0, 0, False
        return told.st_ino, told.st_size, self.paths.stop.exists()

    def _read_charter(self) -> None:
        try:
            told = self.paths.charter.stat()
            if (told.st_mtime_ns, told.st_size) != self._charter_stamp:
                self.charter = charters.load(self.paths.charter)
                self._charter_stamp = (told.st_mtime_ns, told.st_size)
        except (OSError, SelfproofError):
            # A person may be in the middle of editing it; what is in force is in the ledger.
            if self._charter_stamp is None:
                raise

    def _take(self) -> None:
        """Fold what is new; the checkpoint is read first, so that the log holds all of it by then."""
        note = self._note()
        base, begin = len(self.kinds), self._end
        with open_log(self.paths.ledger) as file:
            file.seek(begin)
            for frame in scan(file):
                start = self._end
                leaf = frame._replace(number=base + frame.number).leaf(fast.document)
                self.tree = self.tree.append(leaf_hash(frame.raw))
                if note is None or self.tree.size >= note.size:
                    self._roots[self.tree.size] = self.tree.root
                apply(self.state, leaf)
                self.kinds.append(leaf.kind)
                self._starts.append(start)
                self._end = begin + frame.end
        if note is None:
            return
        if (root := self._roots.get(note.size)) is not None and root != note.root:
            raise LedgerBroken(None, "log", "its entries do not hash to the signed root: one was rewritten")
        if self.tree.size < note.size:
            raise LedgerBroken(None, "log", f"it holds {self.tree.size} entries, and {note.size} were signed")
        self.checkpoint = note
        self._roots = {size: root for size, root in self._roots.items() if size >= note.size}

    def _note(self) -> Checkpoint | None:
        """The signed checkpoint, checked against the key that the genesis entry names and those that followed it."""
        place = self.paths.ledger / "checkpoint"
        noted = place.read_bytes() if place.exists() else b""
        if noted == self._noted:
            return self.checkpoint
        found = Replay.of(self.paths.ledger).checkpoint
        self._noted = noted
        return found


def _changed(place: Path) -> int:
    try:
        return place.stat().st_mtime_ns
    except OSError:
        return 0
