"""A witness: remembers the largest checkpoint of each log that it was shown, and cosigns nothing but extensions of it.

`Witness.add` is the call `add-checkpoint` of C2SP tlog-witness, without the network (`witness_http` has that). What it
remembers is on disk before it answers, so that a restart cannot make it forget.

Does not protect against:
- a witness and a log that belong to one person, or its folder put back to an earlier state
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from selfproof.ledger.cosignature import CosignerKey
from selfproof.ledger.errors import LedgerBroken, LedgerBusy, advising
from selfproof.ledger.files import replace_file, sync_folder
from selfproof.ledger.keys import make_key
from selfproof.ledger.note import Checkpoint, Verifier, checkpoint_of, signature_lines, unbase64
from selfproof.ledger.proofs import verify_consistency

MOST_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True)
class Answer:
    """An HTTP status, a body and its type."""

    status: int
    body: str
    type: str = TEXT_TYPE


@dataclass(frozen=True)
class Request:
    """The body of `add-checkpoint`, read."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @property
    def body(self) -> bytes:
        """As it is sent."""
        lines = [f"old {self.old}", *(base64.b64encode(one).decode() for one in self.proof), ""]
        return "\n".join(lines).encode() + b"\n" + self.note

    @classmethod
    def parse(cls, data: bytes) -> Request:
        """Read it; ValueError if it is malformed."""
        head, separator, note = data.partition(b"\n\n")
        first, *rest = head.decode().split("\n")
        match = _OLD.fullmatch(first)
        proof = tuple(unbase64(line) for line in rest)
        if not separator or match is None or len(proof) > MOST_PROOF or any(len(one) != 32 for one in proof):
            raise ValueError("expected: old SIZE, hashes of 32 bytes in base64, an empty line, a checkpoint")
        return cls(int(match[1]), proof, note)


class Witness:
    """The state below a folder: `key`, and one file for each log. Open it in one process; threads may share it."""

    def __init__(self, folder: Path, name: str, *, clock: Callable[[], float] = time.time) -> None:
        """Make or open the folder.

        Raises:
            LedgerBusy: another process has it open.
            LedgerBroken: its key is damaged, or open to others.
            OSError: it cannot be written.
        """
        self._folder, self._clock, self._mutex = folder, clock, threading.Lock()
        with advising(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.key = CosignerKey(name, make_key(folder / "key"))
            except BlockingIOError:
                os.close(self._lock)
                raise LedgerBusy(f"another process is the witness in {folder}") from None
            except BaseException:
                os.close(self._lock)
                raise

    def trust(self, vkey: str) -> None:
        """Serve the log with this key too; nothing changes if it is served already.

        Raises:
            ValueError: it is no log's key, or the log of that name has another.
        """
        log = Verifier.parse(vkey)
        with self._mutex:
            known = self._known(log.name)
            if known is not None and known[0] != log:
                raise ValueError(f"{log.name} is served already, with another key")
            if known is None:
                self._remember(log, Checkpoint(log.name, 0, b""))

    def add(self, body: bytes) -> Answer:
        """Answer one request to cosign a checkpoint."""
        try:
            request = Request.parse(body)
            origin = signature_lines(request.note)[0].split("\n")[0]
        except ValueError as error:
            return Answer(400, f"{error}\n")
        with self._mutex:
            known = self._known(origin)
            if known is None:
                return Answer(404, "this witness does not know that log\n")
            log, last = known
            try:
                shown = checkpoint_of(request.note, log)
            except ValueError:
                return Answer(403, "the checkpoint is not signed by that log's key\n")
            if refusal := _refused(request, shown, last):
                return refusal
            self._remember(log, shown)
        return Answer(200, self.key.line(shown.text, int(self._clock())))

    def close(self) -> None:
        """Let the next process in."""
        os.close(self._lock)

    def last(self, origin: str) -> Checkpoint | None:
        """The largest checkpoint that was cosigned for a log; of size 0 before the first, None of an unknown log."""
        known = self._known(origin)
        return None if known is None else known[1]

    def _place(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()[:32]}.json"

    def _known(self, origin: str) -> tuple[Verifier, Checkpoint] | None:
        try:
            found = json.loads(self._place(origin).read_text("utf-8"))
            log = Verifier.parse(found["vkey"])
            return log, Checkpoint(log.name, int(found["size"]), bytes.fromhex(found["root"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise LedgerBroken(None, "witness", f"{self._place(origin)} is damaged: what it saw is not known") from None

    def _remember(self, log: Verifier, last: Checkpoint) -> None:
        place = self._place(log.name)
        data = json.dumps({"vkey": log.vkey, "size": last.size, "root": last.root.hex()}).encode()
        replace_file(place, place.with_suffix(".tmp"), data, durable=True)
        sync_folder(self._folder)


def _refused(request: Request, shown: Checkpoint, last: Checkpoint) -> Answer | None:
    """Why a checkpoint is not cosigned, in the order that the specification asks for."""
    if request.old > shown.size:
        return Answer(400, "the old size is larger than the checkpoint's\n")
    if request.old != last.size:
        return Answer(409, f"{last.size}\n", SIZE_TYPE)
    if request.old == shown.size and shown.root != last.root and last.size:
        return Answer(409, f"{last.size}\n", SIZE_TYPE)
    if request.old == 0:
        return Answer(422, "a proof from nothing is empty\n") if request.proof else None
    if not verify_consistency((last.size, last.root), (shown.size, shown.root), request.proof):
        return Answer(422, "the checkpoint does not extend the one that was cosigned before\n")
    return None
