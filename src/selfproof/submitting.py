"""Entries that people write from beside a run: one process writes to a ledger, everybody else hands in.

``submit`` writes an entry of its kind: itself where no run is going on, else through the run's *counter*, a socket in
the program's private folder (``Counter``). What may be handed in is a closed list of kinds (``overseen.SUBMITTED``),
and each entry passes the auditor's own rule before it is written. Nothing else of a life can be reached from there.

Does not protect against: another process of the same account, or root, which may hand in what this account may.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from selfproof import life as lives
from selfproof.archive.overseen import ERASABLE, SUBMITTED
from selfproof.archive.state import fold
from selfproof.audit import overseeing
from selfproof.audit.comparing import Wrong
from selfproof.ledger import Leaf, LedgerBusy, read
from selfproof.ledger.openings import Openings
from selfproof.life import Life
from selfproof.nouns import UsageError
from selfproof.places import Paths

LARGEST = 1 << 15  # bytes of an entry's body
PATIENCE_S = 30.0  # for the run to come to a place where it can write
BACKLOG = 16
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7)


class _Handed(NamedTuple):
    """One entry that somebody hands in, and where its answer goes."""

    kind: str
    body: dict[str, Any]
    answer: queue.SimpleQueue[dict[str, Any]]


class Counter:
    """Where a run takes entries in: a thread listens, the run's own thread writes (``take``)."""

    def __init__(self, life: Life) -> None:
        """Begin to listen; a socket that a killed run left behind is replaced."""
        self._life, self._waiting = life, queue.SimpleQueue[_Handed]()
        self._place = life.paths.counter
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._place.unlink(missing_ok=True)
        with _short(self._place) as name:
            self._socket.bind(name)
        self._place.chmod(0o600)
        self._socket.listen(BACKLOG)
        threading.Thread(target=self._listen, name="counter", daemon=True).start()

    def take(self) -> list[Leaf]:
        """Write what was handed in since the last call; what does not pass its rule is answered with the reason."""
        written: list[Leaf] = []
        while True:
            try:
                handed = self._waiting.get_nowait()
            except queue.Empty:
                return written
            try:
                leaf = record(self._life, handed.kind, handed.body)
            except (UsageError, ValueError, TypeError, OSError) as error:
                handed.answer.put({"refused": str(error)})
            else:
                handed.answer.put({"index": leaf.index})
                written.append(leaf)

    def close(self) -> None:
        """Take the last ones in, and listen no more."""
        self._place.unlink(missing_ok=True)
        self._socket.close()
        self.take()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(caller,), name="handing in", daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller, contextlib.suppress(OSError):
            caller.settimeout(PATIENCE_S)
            _, uid, _ = _CREDENTIALS.unpack(caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            data = caller.recv(LARGEST + 1)
            answer = self._answer(data) if uid in {0, os.geteuid()} else {"refused": "another account"}
            caller.send(json.dumps(answer).encode())

    def _answer(self, data: bytes) -> dict[str, Any]:
        try:
            told = json.loads(data) if len(data) <= LARGEST else {}
            kind, body = told["kind"], told["body"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return {"refused": "that is no entry"}
        answer: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._waiting.put(_Handed(kind, body, answer))
        try:
            return answer.get(timeout=PATIENCE_S)
        except queue.Empty:
            return {"refused": "the run did not come to a place where it can write"}


def record(life: Life, kind: str, body: Mapping[str, Any]) -> Leaf:
    """Write an entry of a person's into an open life, durable, if the auditor's rule for its kind lets it be.

    Raises:
        UsageError: it is of a kind that nobody may hand in, or its rule refuses it.
    """
    if kind not in SUBMITTED or not isinstance(body, Mapping):
        raise UsageError(f"nobody may hand in an entry of kind {kind!r}")
    draft = Leaf(life.ledger.size, kind, dict(body), b"", "")
    try:
        overseeing.CHECKS[kind](life.state, draft, _source(life))
    except Wrong as error:
        raise UsageError(f"{kind}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{kind}: malformed ({type(error).__name__} {error})") from None
    texts = {field: life.ledger.openings.put(body[field]) for field in ERASABLE.get(kind, ())}
    return life.log(kind, {**body, **texts}, durable=True)


def submit(folder: Path, kind: str, body: Mapping[str, Any]) -> int:
    """Write an entry of a person's, by the run that is going on or here; its number.

    Raises:
        UsageError: it may not be handed in, its rule refuses it, or somebody writes who takes nothing in.
        SelfproofError: as ``life.opened``.
    """
    try:
        with lives.opened(folder) as life:
            return record(life, kind, body).index
    except LedgerBusy:
        return _over(Paths(folder).counter, {"kind": kind, "body": dict(body)})


def redact(folder: Path, place: str, reason: str, by: str) -> dict[str, Any]:
    """Take a person's text, ENTRY.FIELD, out of a ledger for good (`ledger/openings.py`): an entry, then it is deleted.

    Returns {"entry": the new entry's number, "commit": the digest that stays}.

    Raises:
        UsageError: there is no such text, or it was taken out before.
    """
    ledger = Paths(folder).ledger
    overseen = fold(read(ledger).leaves()).overseen
    number, _, field = place.partition(".")
    key = (int(number) if number.isdecimal() and len(number) < 16 else -1, field)
    commit = overseen.committed.get(key)
    if commit is None:
        known = ", ".join(f"{n}.{name}" for n, name in sorted(set(overseen.committed) - set(overseen.redacted))[:8])
        raise UsageError(f"no text is called {place!r}", advice=f"There are: {known}." if known else "There are none.")
    body = {"entry": key[0], "field": field, "commit": commit, "reason": reason, "by": by}
    entry = submit(folder, "redact", body)
    Openings(ledger).forget(commit)
    return {"entry": entry, "commit": commit}


def _over(place: Path, told: Mapping[str, Any]) -> int:
    data = json.dumps(told).encode()
    if len(data) > LARGEST:
        raise UsageError(f"an entry of {len(data)} bytes is too large; {LARGEST} are allowed")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
        caller.settimeout(PATIENCE_S + 5)
        try:
            with _short(place) as name:
                caller.connect(name)
            caller.send(data)
            answer = json.loads(caller.recv(LARGEST))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"another process writes to this program's ledger, and takes nothing in ({error})",
                advice="Try again when it is done.",
            ) from None
    if "refused" in answer:
        raise UsageError(str(answer["refused"]))
    return int(answer["index"])


def _source(life: Life) -> Any:
    """What an auditor's rule asks of a ledger, of one that is being written."""
    from selfproof.ledger.merkle import root_at

    class Source:
        get_blob = staticmethod(life.ledger.get_blob)

        @staticmethod
        def root_at(size: int) -> bytes | None:
            return root_at((leaf.raw for leaf in life.ledger.leaves()), size)

    return Source()


@contextlib.contextmanager
def _short(place: Path) -> Iterator[str]:
    """A name of at most 107 bytes for a socket, however long its folder's is (unix(7))."""
    folder = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{place.name}"
    finally:
        os.close(folder)
