"""The writer: appends entries, signs checkpoints, stores blobs, and picks up after a crash.

    append(...)                 handed to the operating system at once: survives kill -9, not a power cut
    append(..., durable=True)   blobs synced -> log synced -> checkpoint signed and renamed, before it returns

The signing key is only ever asked to sign `Checkpoint.text`, so that it can move to a process of its own.

Does not protect against:
- whoever holds the key, who can rewrite history and sign it again (that takes a witness)
- an old copy of the whole folder put back in place
- a power cut taking entries that were appended since the last durable one
"""

import errno
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Self

from selfproof.ledger.blobs import SCRATCH, Blobs, replace_file, sync_folder
from selfproof.ledger.clock import Clock, rfc3339, utc_now
from selfproof.ledger.errors import LedgerBroken, advising
from selfproof.ledger.frames import encode, leaves, lock_log, unsigned_hint, write_at
from selfproof.ledger.keys import make_key, read_key
from selfproof.ledger.merkle import Tree, leaf_hash
from selfproof.ledger.note import Checkpoint, Signer, sign_note
from selfproof.ledger.replay import Replay
from selfproof.ledger.statement import Leaf, blobs_of, make_statement, parse_statement

ORIGIN = "selfproof.local/"


class _State(NamedTuple):
    """What an append changes, replaced in one assignment so that an interrupt sees the old or the new."""

    end: int = 0
    tree: Tree = Tree()
    time: str = ""


class Ledger:
    """The single writer of a ledger folder; safe to share between threads, not between processes."""

    def __init__(self, folder: Path, log: int, signer: Signer, *, clock: Clock = utc_now) -> None:
        """Use `create` or `open` instead; `log` is a locked descriptor, which this object owns."""
        self._folder, self._log, self._signer, self._clock = folder, log, signer, clock
        self._blobs = Blobs(folder)
        self._mutex = threading.RLock()
        self._state = _State()
        self._signed = 0
        self._unsure = False  # after a failed sync only reading back tells what the disk holds, see fsync(2)
        program_id = signer.name.removeprefix(ORIGIN)
        self._subject = {program_id: sha256(program_id.encode()).hexdigest()}

    @classmethod
    def create(
        cls,
        folder: Path,
        key_file: Path,
        *,
        program_id: str,
        genesis: Mapping[str, Any],
        clock: Clock = utc_now,
    ) -> "Ledger":
        """Write a ledger whose entry 0 is `genesis` plus the log's "vkey", and open it.

        The key is made (mode 0600) unless `key_file` exists. The folder appears complete or not at all.
        Raises FileExistsError if something is there, ValueError for a bad program id or genesis, OSError.
        """
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", program_id) is None:
            raise ValueError(f"a program id is letters, digits, '.', '_' and '-', not {program_id!r}")
        if key_file.absolute().is_relative_to(folder.absolute()):
            raise ValueError(f"the key may not lie inside the ledger that it signs: {key_file}")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileExistsError(errno.EEXIST, "something is there already; open it instead", str(folder))
        fresh = folder.with_name(folder.name + ".new")
        with advising(folder):
            if fresh.exists():
                shutil.rmtree(fresh)
            fresh.mkdir(parents=True)
            signer = Signer(ORIGIN + program_id, make_key(key_file))
            vkey = signer.verifier.vkey
            replace_file(fresh / "vkey", fresh / SCRATCH[1], f"{vkey}\n".encode(), durable=True)
            with cls(fresh, lock_log(fresh / "log", os.O_CREAT | os.O_EXCL), signer, clock=clock) as ledger:
                ledger.append("genesis", {**genesis, "vkey": vkey}, durable=True)
            fresh.rename(folder)
            sync_folder(folder.parent)
        return cls.open(folder, key_file, clock=clock)

    @classmethod
    def open(cls, folder: Path, key_file: Path, *, clock: Clock = utc_now) -> "Ledger":
        """Open for writing: drop a torn tail, keep whole unsigned entries, refuse everything else.

        Raises LedgerBusy if another process is writing, LedgerBroken naming the first bad entry, OSError.
        """
        with advising(folder):
            log = lock_log(folder / "log")
            try:
                replay = Replay.of(folder)
                signer = Signer(replay.verifier.name, read_key(key_file))
                if signer.verifier != replay.verifier:
                    raise LedgerBroken(None, "key", f"{key_file} is not the key of this ledger")
                ledger = cls(folder, log, signer, clock=clock)
                ledger._recover(replay)
            except BaseException:
                os.close(log)
                raise
        return ledger

    def _recover(self, replay: Replay) -> None:
        """Take over what is on disk, and clear away what a dying writer left half done."""
        signed = self._signed = replay.checkpoint.size
        for frame, tree in replay.steps():
            if tree.size >= signed:  # older ones are covered by the signed root
                leaf = frame.leaf()
                # To sign an entry whose blob is gone would break the ledger for good.
                if tree.size > signed and (fault := self._blobs.fault_of(leaf.body, set())):
                    raise LedgerBroken(leaf.index, leaf.kind, fault + unsigned_hint(self._state.end))
                self._state = _State(frame.end, tree, leaf.time)
        os.ftruncate(self._log, self._state.end)
        for name in SCRATCH:
            (self._folder / name).unlink(missing_ok=True)

    def append(
        self,
        kind: str,
        body: Mapping[str, Any],
        *,
        subject: Mapping[str, str] | None = None,
        durable: bool = False,
    ) -> Leaf:
        """Append one entry; with `durable` it, and everything before it, is on disk and signed on return.

        `subject` maps names to sha256 hex (default: the program). The ledger adds "time".
        Raises ValueError or TypeError for a body without canonical JSON, a missing blob or 64 KiB and more;
        OSError with advice if the disk refuses, and then the entry is not in the ledger.
        """
        if "time" in body:
            raise ValueError('the ledger sets "time" itself; give yours another name')
        with self._mutex, advising(self._folder):
            before = self._opened()
            if (kind == "genesis") != (before.tree.size == 0):
                raise ValueError("a ledger has one genesis entry, and it is the first")
            time = max(rfc3339(self._clock()), before.time)
            raw = make_statement(kind, {**body, "time": time}, subject or self._subject)
            stored = parse_statement(raw).body  # what does not read back is never written
            for digest in blobs_of(stored):
                if not self._blobs.path(digest).is_file():
                    raise ValueError(f"a {kind} entry refers to blob {digest}, which was never put")
            frame = encode(raw)
            try:
                write_at(self._log, frame, before.end)
                self._state = _State(before.end + len(frame), before.tree.append(leaf_hash(raw)), time)
                if durable:
                    self._commit()
            except BaseException as error:
                # An interrupt leaves the entry whole or absent; a refusal of the disk takes it back, unless
                # the checkpoint that covers it is in place already.
                if isinstance(error, OSError) and self._signed <= before.tree.size:
                    self._state = before
                os.ftruncate(self._log, self._state.end)
                raise
            return Leaf(before.tree.size, kind, stored, raw, time)

    def commit(self) -> None:
        """Make everything appended so far durable and signed. Raises OSError with advice."""
        with self._mutex, advising(self._folder):
            self._opened()
            self._commit()

    def _commit(self) -> None:
        size = self._state.tree.size
        try:
            self._blobs.sync()
            if size == self._signed:
                return
            os.fsync(self._log)
        except OSError:
            self._unsure = True
            raise
        note = sign_note(Checkpoint(self._signer.name, size, self.root).text, self._signer)
        replace_file(self._folder / "checkpoint", self._folder / SCRATCH[1], note, durable=True)
        self._signed = size
        sync_folder(self._folder)

    def put_blob(self, data: bytes) -> str:
        """Store bytes under their sha256 (hex, returned); durable no later than the next durable append."""
        with self._mutex:
            self._opened()
            return self._blobs.put(data)

    def get_blob(self, digest: str) -> bytes:
        """Return a blob; LedgerBroken if it is missing or altered."""
        return self._blobs.get(digest)

    def leaves(self, start: int = 0) -> Iterator[Leaf]:
        """Yield the entries from `start` to what is the end at the time of this call."""
        return leaves(self._folder, start, self.size)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._state.tree.size

    @property
    def root(self) -> bytes:
        """The Merkle root of everything appended."""
        return self._state.tree.root

    def close(self) -> None:
        """Commit and let go of the lock; closing twice is fine."""
        with self._mutex:
            if self._log < 0:
                return
            try:
                if not self._unsure:
                    self.commit()
            finally:
                log, self._log = self._log, -1
                os.close(log)

    def __enter__(self) -> Self:
        """Return self; leaving the block closes."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _opened(self) -> _State:
        if self._log < 0:
            raise ValueError("this ledger is closed; open it again")
        if self._unsure:
            raise OSError(errno.EIO, "an earlier write did not reach the disk", str(self._folder))
        return self._state
