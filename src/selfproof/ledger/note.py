"""Signed notes and checkpoints (C2SP signed-note v1.0.0, tlog-checkpoint v1.0.0), with Ed25519 keys (0x01).

    selfproof.local/demo          origin, also the key's name
    3                             entries
    5sgpUMzq...=                  base64 of the root
                                  (empty line)
    — selfproof.local/demo base64(key id | signature)

Readers here are strict: one spelling per value, so that any changed byte is noticed.

Does not protect against:
- a stolen key, or the key's owner signing two histories (that takes a witness that remembers)
- an old checkpoint put back together with the log of that time
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_SIGNATURE = re.compile(r"— ([^ +\n]+) ([A-Za-z0-9+/]+={0,2})")


class Verifier(NamedTuple):
    """A note key that can only check: its name and 32-byte public key."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that tell signatures apart: SHA-256(name | newline | 0x01 | public)[:4]."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as one line of text: name+keyid+base64(0x01 | public)."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Read a vkey line; ValueError if it is not exactly one."""
        name, _, rest = vkey.partition("+")
        key = unbase64(rest.partition("+")[2])
        verifier = cls(name, key[1:])
        # Comparing with the rendered form checks the key id, the algorithm and the spelling at once.
        if not is_name(name) or len(key) != 33 or verifier.vkey != vkey:
            raise ValueError("not an Ed25519 note verifier key (expected name+keyid+base64)")
        return verifier


class Signer:
    """A note key that can sign; nothing prints its seed."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take a name and 32 secret bytes; ValueError for a name that a note cannot carry."""
        if not is_name(name):
            raise ValueError(f"a key name may not be empty or hold spaces or '+': {name!r}")
        self.name, self.seed = name, seed

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())


class Checkpoint(NamedTuple):
    """What a log's key vouches for: this many entries have this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The signed text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_note(text: str, signer: Signer) -> bytes:
    """Return the signed note; ValueError unless the text ends in a newline and has no control characters."""
    _check_text(text)
    signature = Ed25519PrivateKey.from_private_bytes(signer.seed).sign(text.encode())
    blob = base64.b64encode(signer.verifier.key_id + signature).decode()
    return f"{text}\n— {signer.name} {blob}\n".encode()


def verify_note(note: bytes, verifier: Verifier) -> str:
    """Return the text of a note that `verifier` signed; ValueError otherwise.

    Well-formed signatures by other keys are passed over, as the specification asks.
    """
    text, lines = signature_lines(note)
    ours = [blob[4:] for name, blob in lines if name == verifier.name and blob[:4] == verifier.key_id]
    if not ours:
        raise ValueError(f"no signature by {verifier.vkey}")
    try:
        for signature in ours:
            Ed25519PublicKey.from_public_bytes(verifier.public).verify(signature, text.encode())
    except InvalidSignature:
        raise ValueError("the signature does not match the text") from None
    return text


def signature_lines(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of a note, and of each signature line the key's name and what it signed with, its id included.

    ValueError for what is no signed note.
    """
    whole = note.decode()  # UnicodeDecodeError is a ValueError
    text, separator, tail = whole.rpartition("\n\n")
    text += "\n"
    if not separator or not tail.endswith("\n"):
        raise ValueError("not a signed note: no text, empty line, signature lines")
    _check_text(text)
    matches = [_SIGNATURE.fullmatch(line) for line in tail[:-1].split("\n")]
    if not all(matches):
        raise ValueError("malformed signature line")
    return text, [(match[1], unbase64(match[2])) for match in matches if match]


def signed_by(note: bytes, verifiers: Sequence[Verifier]) -> str:
    """Return the text of a note with exactly these signatures, in this order; ValueError otherwise."""
    text, lines = signature_lines(note)
    if [(name, blob[:4]) for name, blob in lines] != [(one.name, one.key_id) for one in verifiers]:
        raise ValueError("not signed by the log's key, or by more than that")
    for verifier in verifiers:
        verify_note(note, verifier)
    return text


def stated_size(note: bytes) -> int:
    """Return the size that a checkpoint states, whoever signed it; ValueError for what is none."""
    lines = signature_lines(note)[0].split("\n")
    if len(lines) != 4 or not _SIZE.fullmatch(lines[1]):
        raise ValueError("not a checkpoint: expected origin, size and root")
    return int(lines[1])


def parse_checkpoint(note: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Return the checkpoint in a note with exactly these signatures, in this order; ValueError otherwise."""
    signed_by(note, verifiers)
    return checkpoint_of(note, verifiers[0])


def checkpoint_of(note: bytes, verifier: Verifier) -> Checkpoint:
    """Return the checkpoint in a note that `verifier` signed, cosigned or not; ValueError otherwise."""
    lines = verify_note(note, verifier).split("\n")
    checkpoint = Checkpoint(lines[0], stated_size(note), unbase64(lines[2]))
    if checkpoint.origin != verifier.name or len(checkpoint.root) != 32:
        raise ValueError("a checkpoint of another log")
    return checkpoint


def is_name(name: str) -> bool:
    """Say whether a note can carry a key of this name."""
    return bool(name) and not any(c == "+" or c.isspace() or unicodedata.category(c) == "Cc" for c in name)


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise ValueError("a note's text must end in a newline and hold no control characters")


def unbase64(text: str) -> bytes:
    """Decode standard base64 in its one canonical spelling; ValueError otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("malformed base64") from None
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 with a second spelling")
    return data
