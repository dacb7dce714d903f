"""Offline proofs that an entry is in a log (C2SP tlog-proof v1): one text file, no network, no ledger.

Its "extra" line holds the entry itself, so that a proof can be checked with nothing but itself and the log's key; as
the format asks, it counts only once it hashes into the checkpoint's root.

Does not protect against:
- a log that shows others another history: only witnesses that a reader trusts speak against that
- an entry that said something untrue when it was written
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from selfproof.ledger.cosignature import Cosigner, cosigned
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.note import Checkpoint, Verifier, checkpoint_of, unbase64
from selfproof.ledger.proofs import verify_inclusion

HEAD = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True)
class Proof:
    """A proof as it is read: nothing of it is checked before ``proven``."""

    index: int
    path: tuple[bytes, ...]
    note: bytes
    extra: bytes = b""

    @property
    def text(self) -> bytes:
        """The proof as a file."""
        extra = [f"extra {base64.b64encode(self.extra).decode()}"] if self.extra else []
        lines = [HEAD, *extra, f"index {self.index}", *(base64.b64encode(one).decode() for one in self.path), ""]
        return "\n".join(lines).encode() + b"\n" + self.note

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """Read a proof file; ValueError if it is none."""
        head, separator, note = data.partition(b"\n\n")
        lines = head.decode().split("\n")
        if not separator or lines[0] != HEAD:
            raise ValueError(f"not a proof: its first line must be {HEAD}")
        del lines[0]
        extra = unbase64(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else b""
        match = _INDEX.fullmatch(lines[0]) if lines else None
        path = tuple(unbase64(line) for line in lines[1:])
        if match is None or len(path) > 63 or any(len(one) != 32 for one in path):
            raise ValueError("a malformed proof: expected an index, then hashes of 32 bytes in base64")
        return cls(int(match[1]), path, note, extra)


@dataclass(frozen=True)
class Proven:
    """What a proof shows: this entry is number ``index`` of the log at a checkpoint; ``witnesses``: times by vkey."""

    index: int
    entry: bytes
    checkpoint: Checkpoint
    witnesses: dict[str, int]


def proven(
    proof: Proof, verifier: Verifier, *, entry: bytes | None = None, cosigners: Sequence[Cosigner] = ()
) -> Proven:
    """Check a proof against the log's key; the entry is the proof's own unless it is given.

    Raises:
        ValueError: the checkpoint is not signed by this key, or the entry is not in it at that place.
    """
    found = checkpoint_of(proof.note, verifier)
    raw = proof.extra if entry is None else entry
    if not raw:
        raise ValueError("the proof does not hold its entry: give the entry beside it")
    if not verify_inclusion(proof.index, found.size, leaf_hash(raw), proof.path, found.root):
        raise ValueError(f"the entry is not number {proof.index} of the log at its checkpoint of {found.size} entries")
    return Proven(proof.index, raw, found, cosigned(proof.note, cosigners))
