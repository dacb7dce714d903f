"""Cosignatures on checkpoints (C2SP tlog-cosignature, Ed25519, type 0x04): "at this time, this was the largest".

    — witness.example/w1 base64(key id | u64 BE seconds | signature)

A witness adds such a line to a log's signed checkpoint; what it signs is a header, the time, and the checkpoint's text.

Does not protect against:
- witnesses that belong to the log's own operator: who runs them is for a reader to know
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from selfproof.ledger.note import is_name, signature_lines, unbase64

COSIGNATURE = b"\x04"
_TIME = struct.Struct(">Q")
_LATEST = 2**63 - 1


@dataclass(frozen=True)
class Cosigner:
    """A witness's key that can only check: its name and 32-byte public key."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """SHA-256(name | newline | 0x04 | public)[:4]."""
        return sha256(self.name.encode() + b"\n" + COSIGNATURE + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as one line of text: name+keyid+base64(0x04 | public)."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(COSIGNATURE + self.public).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> Cosigner:
        """Read a vkey line; ValueError if it is not exactly one of this type."""
        name, _, rest = vkey.strip().partition("+")
        key = unbase64(rest.partition("+")[2])
        cosigner = cls(name, key[1:])
        if not is_name(name) or len(key) != 33 or cosigner.vkey != vkey.strip():
            raise ValueError("not an Ed25519 cosigner key (expected name+keyid+base64, type 0x04)")
        return cosigner


@dataclass(frozen=True)
class CosignerKey:
    """A witness's key that can sign: its name and 32-byte secret seed."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse names that a note cannot carry."""
        if not is_name(self.name):
            raise ValueError(f"a witness's name may not be empty or hold spaces or '+': {self.name!r}")

    @property
    def cosigner(self) -> Cosigner:
        """The public half."""
        return Cosigner(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def line(self, text: str, seconds: int) -> str:
        """The signature line for a checkpoint's text, newline included."""
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(_message(text, seconds))
        blob = self.cosigner.key_id + _TIME.pack(seconds) + signature
        return f"— {self.name} {base64.b64encode(blob).decode()}\n"


def cosigned(note: bytes, cosigners: Sequence[Cosigner]) -> dict[str, int]:
    """Which of these witnesses cosigned a note, each with the seconds since 1970 that it says; bad lines count nothing.

    Lines of other keys are passed over. Raises ValueError for what is no signed note.
    """
    text, lines = signature_lines(note)
    known = {(one.name, one.key_id): one for one in cosigners}
    found: dict[str, int] = {}
    for name, blob in lines:
        one = known.get((name, blob[:4]))
        if one is None or len(blob) != 4 + _TIME.size + 64:
            continue
        (seconds,) = _TIME.unpack(blob[4 : 4 + _TIME.size])
        if seconds > _LATEST:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(one.public).verify(blob[4 + _TIME.size :], _message(text, seconds))
        except InvalidSignature:
            continue
        found[one.vkey] = max(seconds, found.get(one.vkey, 0))
    return found


def accepted_lines(answer: bytes, note: bytes, cosigners: Sequence[Cosigner]) -> bytes:
    """Of a witness's answer the lines that are valid cosignatures of a note by these keys.

    Raises ValueError if it holds anything but signature lines.
    """
    lines = answer.decode().splitlines(keepends=True)
    if not all(re.fullmatch(r"— [^ +\n]+ [A-Za-z0-9+/]+={0,2}\n", line) for line in lines):
        raise ValueError("a witness answers with signature lines, and nothing else")
    return b"".join(
        line.encode() for line in lines if cosigned(note + line.encode(), cosigners) != cosigned(note, cosigners)
    )


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
