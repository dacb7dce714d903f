"""The writer: appends entries, signs checkpoints, stores blobs, and picks up after a crash.

    append(...)                 handed to the operating system at once: survives kill -9, not a power cut
    append(..., durable=True)   blobs synced -> log synced -> signed, and remembered so by the signer (`signing.py`) ->
                                checkpoint renamed, before it returns; what was appended before goes with it

Does not protect against:
- whoever holds the key, who can rewrite history and sign it again (that takes a witness)
- an old copy of the whole folder put back in place together with the key and its memory
- a power cut taking entries that were appended since the last durable one
"""

import errno
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

from selfproof.ledger.blobs import SCRATCH, Blobs
from selfproof.ledger.clock import Clock, rfc3339, utc_now
from selfproof.ledger.errors import advising
from selfproof.ledger.files import replace_file, sync_folder
from selfproof.ledger.frames import encode, leaves, lock_log, write_at
from selfproof.ledger.hands import Hand, Hands
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.openings import Openings, told
from selfproof.ledger.recovery import State, recovered
from selfproof.ledger.replay import Replay
from selfproof.ledger.rotation import KINDS, Keys
from selfproof.ledger.signing import Signing
from selfproof.ledger.statement import Leaf, blobs_of, make_statement, parse_statement

ORIGIN = "selfproof.local/"


class Ledger(AbstractContextManager["Ledger"]):
    """The single writer of a ledger folder; safe to share between threads, not between processes."""

    def __init__(self, folder: Path, log: int, hands: Hands, state: State, *, clock: Clock = utc_now) -> None:
        """Use `create` or `open` instead; `log`, a locked descriptor, and `hands` belong to this object."""
        self._folder, self._log, self._hands, self._clock = folder, log, hands, clock
        self._blobs, self.openings = Blobs(folder), Openings(folder)
        self._mutex = threading.RLock()
        self._state = state
        self._signed = self._asked = 0  # entries under the checkpoint; those that a signer may have signed
        self._ended = (
            ""  # why it is to be opened again; after a failed sync only reading back tells what the disk holds
        )
        program_id = hands.keys.chain[0].name.removeprefix(ORIGIN)
        self._subject = {program_id: sha256(program_id.encode()).hexdigest()}

    @classmethod
    def create(
        cls, folder: Path, key_file: Path, *, program_id: str, genesis: Mapping[str, Any], clock: Clock = utc_now
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
        with advising(folder), ExitStack() as undo:
            if fresh.exists():
                shutil.rmtree(fresh)
            fresh.mkdir(parents=True)
            signing = Signing(key_file, ORIGIN + program_id)
            undo.callback(signing.close)
            if signing.signed.size:
                raise ValueError(f"{key_file} signs another ledger; this one needs a key of its own")
            vkey = signing.signed.verifier.vkey
            replace_file(fresh / "vkey", fresh / SCRATCH[1], f"{vkey}\n".encode(), durable=True)
            log = lock_log(fresh / "log", os.O_CREAT | os.O_EXCL)
            undo.callback(os.close, log)
            hands = Hands(key_file, Keys((signing.signed.verifier,)), [Hand(signing)])
            ledger = cls(fresh, log, hands, State(), clock=clock)
            ledger.append("genesis", {**genesis, "vkey": vkey}, durable=True)
            fresh.rename(folder)
            sync_folder(folder.parent)
            ledger._folder, ledger._blobs, ledger.openings = folder, Blobs(folder), Openings(folder)
            undo.pop_all()
        return ledger

    @classmethod
    def open(cls, folder: Path, key_file: Path, *, clock: Clock = utc_now) -> "Ledger":
        """Open for writing: drop a torn tail, keep whole unsigned entries, refuse everything else.

        Raises LedgerBusy if another process is writing, LedgerBroken naming the first bad entry, OSError.
        """
        with advising(folder), ExitStack() as undo:
            log = lock_log(folder / "log")
            undo.callback(os.close, log)
            replay = Replay.of(folder)
            state, keys, hashes = recovered(replay)
            hands = Hands.start(key_file, keys, hashes)
            undo.callback(hands.close)
            ledger = cls(folder, log, hands, state, clock=clock)
            ledger._signed = replay.checkpoint.size
            os.ftruncate(log, state.end)
            for name in SCRATCH:
                (folder / name).unlink(missing_ok=True)
            undo.pop_all()
        if keys == replay.keys:
            return ledger
        ledger.close()  # finishes a change of keys that was cut off
        return cls.open(folder, key_file, clock=clock)

    def append(
        self, kind: str, body: Mapping[str, Any], *, subject: Mapping[str, str] | None = None, durable: bool = False
    ) -> Leaf:
        """Append one entry; with `durable` it, and everything before it, is on disk and signed on return.

        `subject` maps names to sha256 hex (default: the program). The ledger adds "time".
        Raises ValueError or TypeError for a body without canonical JSON, a missing blob or 64 KiB and more;
        OSError with advice if the disk refuses: the entry is then not in the ledger, unless it had been signed.
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
            if missing := [digest for digest in blobs_of(stored) if not self._blobs.path(digest).is_file()]:
                raise ValueError(f"a {kind} entry refers to blob {missing[0]}, which was never put")
            frame, leaf = encode(raw), leaf_hash(raw)
            self._hands.append(before.tree.size, leaf)
            try:
                write_at(self._log, frame, before.end)
                self._state = State(before.end + len(frame), before.tree.append(leaf), time)
                if durable or kind in KINDS:
                    self._commit()
                if kind in KINDS:
                    self._ended = "its keys have changed: open it again"
            except BaseException as error:
                # An interrupt leaves the entry whole or absent; a refusal of the disk takes it back, unless signed.
                if isinstance(error, OSError) and self._asked <= before.tree.size:
                    self._state = before
                os.ftruncate(self._log, self._state.end)
                raise
            return told(Leaf(before.tree.size, kind, stored, raw, time), self.openings)

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
            self._asked = size
            note = self._hands.sign(size, self.root)
            replace_file(self._folder / "checkpoint", self._folder / SCRATCH[1], note, durable=True)
            self._signed = size
            sync_folder(self._folder)
        except Exception:
            self._ended = "an earlier write did not reach the disk"
            raise

    def next_key(self) -> dict[str, str]:
        """Make the key that follows this one: the body of the entry `key` that puts it in force. Raises OSError."""
        with self._mutex, advising(self._folder):
            self.commit()
            vkey, note = self._hands.next_key()
            return {"vkey": vkey, "note": note.decode()}

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

    @property
    def signer(self) -> str:
        """Whose account holds the key, as entries and certificates say it."""
        return "own account" if all(one.signed.own for one in self._hands.signings) else "same account"

    def close(self) -> None:
        """Commit, end the signer and let go of the lock; closing twice is fine."""
        with self._mutex:
            if self._log < 0:
                return
            try:
                if not self._ended:
                    self.commit()
            finally:
                log, self._log = self._log, -1
                self._hands.close()
                os.close(log)

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _opened(self) -> State:
        if self._log < 0:
            raise ValueError("this ledger is closed; open it again")
        if self._ended:
            raise OSError(errno.EIO, self._ended, str(self._folder))
        return self._state
