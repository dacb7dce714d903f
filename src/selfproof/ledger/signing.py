"""The engine's end of the signer: start it, have it sign, start it once more if it was killed.

Starting again is safe at any moment, because the signer remembers on disk what it signed.

Does not protect against:
- what the signer does not protect against: here is no key, and nothing that decides what is signed
"""

import errno
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cryptography

import selfproof
from selfproof.ledger.errors import LedgerBroken, LedgerBusy
from selfproof.ledger.note import Verifier
from selfproof.ledger.signer import AT_ONCE, DONE, MORE, SIGN

# Without `site` no .pth file of anybody's runs in the process that has the key, and it starts sooner.
_CODE = "import sys; sys.path += sys.argv[1:3]; from selfproof.ledger.signer import main; main(*sys.argv[3:])"
_PLACES = [str(Path(str(package.__file__)).resolve().parents[1]) for package in (selfproof, cryptography)]
SECONDS = 30.0  # for an answer; a disk under load may take long


class Signed(NamedTuple):
    """What a signer says when it starts: whether it has an account of its own, what it signed last, its key."""

    own: bool
    size: int
    root: bytes
    verifier: Verifier


class Signing:
    """A signer that runs whenever it is needed; `signed` is what it signed last, as far as was heard. Close it."""

    def __init__(self, key: Path, name: str, log: Verifier | None = None) -> None:
        """Start it for the log of this name and key; without one, it is a new log, and the key may have to be made.

        Raises LedgerBroken (kind "key", or "signed" for its memory), LedgerBusy if another signer has the key, OSError.
        """
        self._words = [str(key.absolute()), name, log.vkey if log else ""]
        self._process: subprocess.Popen[bytes] | None = None
        self._there = 0  # what the process that is running now has signed
        self.signed = self._start()
        self._words[2] = self.signed.verifier.vkey

    def sign(self, leaves: Sequence[bytes], root: bytes) -> bytes:
        """Return a signed note for what was signed last and these leaf hashes after it, which make this root.

        Raises LedgerBroken if that is not what they make, LedgerBusy, OSError if it does not answer twice.
        """
        try:
            return self._sign(leaves, root)
        except OSError:  # killed, before it signed this or after: it knows which
            return self._sign(leaves, root)

    def _sign(self, leaves: Sequence[bytes], root: bytes) -> bytes:
        first, last = self.signed.size, self.signed.size + len(leaves)
        try:
            if self._process is None:
                self._start()
            if not first <= self._there <= last:
                raise LedgerBroken(None, "signed", f"another process has signed {self._there} entries meanwhile")
            for at in range(self._there - first, len(leaves), AT_ONCE):
                self._socket.send(MORE + b"".join(leaves[at : at + AT_ONCE]))
            self._socket.send(SIGN + root)
            note = self._answer()
        except BaseException:
            self.close()
            raise
        self._there, self.signed = last, self.signed._replace(size=last, root=root)
        return note

    def next_key(self, place: Path) -> tuple[str, bytes]:
        """Have this key name the one that is to follow it, made in `place` if need be: its vkey and the note of both.

        Nothing may be unsigned meanwhile. Raises as `sign`.
        """
        self.close()  # one process at a time has the key's memory
        try:
            vkey, _, note = self._spawn(str(place.absolute())).partition(b"\n")
            return vkey.decode(), note
        finally:
            self.close()

    def _start(self) -> Signed:
        told = self._spawn()
        self._there = int.from_bytes(told[1:9])
        return Signed(bool(told[0]), self._there, told[9:41], Verifier.parse(told[41:].decode()))

    def _spawn(self, *more: str) -> bytes:
        """Start the process; its first answer."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(SECONDS)
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _CODE, *_PLACES, *self._words, *more],
                    stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    cwd="/", env={}, start_new_session=True,
                )  # fmt: skip
            return self._answer()
        except TimeoutError:
            self.close()
            raise LedgerBusy(f"another process signs with {self._words[0]}") from None
        except BaseException:
            self.close()
            raise

    def _answer(self) -> bytes:
        answer = self._socket.recv(4096)
        if answer[:1] == DONE:
            return answer[1:]
        kind, _, reason = answer[1:].decode().partition("\n")
        if kind:
            raise LedgerBroken(None, kind, reason)
        raise OSError(
            errno.EPIPE, f"the signer ended ({reason or 'killed'}): run again, nothing is lost", self._words[0]
        )

    def close(self) -> None:
        """End it; closing twice is fine."""
        self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
