"""What the engine and the process that holds the keys say to each other: bounded frames of typed JSON on a socket pair.

A frame is its length (4 bytes, little-endian) and one JSON object. No message has a field for a key.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

HEADER: Final = struct.Struct("<I")
LARGEST: Final = 24 << 20


class Open(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The first message: models by name with their options, and the budget (negative: no ceiling)."""

    models: tuple[str, ...]
    journal: str
    prices: str
    picodollars: int
    tokens: int


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """One question to one model; ``pace`` multiplies the waits between attempts."""

    id: int
    model: str
    system: str
    user: str
    reply_tokens: int
    deadline_s: float
    gap_s: float
    attempts: int
    pace: float


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """Nobody waits for this answer any more."""

    id: int


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The answer to Open: what is wrong (empty: nothing), and what was spent before this run."""

    problem: str
    advice: str
    tokens_in: int
    tokens_out: int
    picodollars: int
    locked_up: bool


class Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """How far a question is: "asking", "streaming", "waiting" or "retrying"; amounts are estimates."""

    id: int
    status: str
    tokens_in: int
    tokens_out: int
    picodollars: int
    note: str


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """The model's text, why it ended ("stop", "length"), and what it cost, failed attempts included."""

    id: int
    text: str
    ended: str
    tokens_in: int
    tokens_out: int
    picodollars: int


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """There is no answer: one line why; ``kind`` "too long" asks for a shorter prompt."""

    id: int
    message: str
    advice: str
    fatal: bool
    kind: str
    tokens_in: int
    tokens_out: int
    picodollars: int


ToBroker = Open | Ask | Cancel
FromBroker = Ready | Progress | Reply | Failed
_TO: msgspec.json.Decoder[ToBroker] = msgspec.json.Decoder(ToBroker)
_FROM: msgspec.json.Decoder[FromBroker] = msgspec.json.Decoder(FromBroker)


def packed(message: ToBroker | FromBroker) -> bytes:
    """A message as a frame. Raises ValueError if it is too long."""
    body = msgspec.json.encode(message)
    if len(body) > LARGEST:
        raise ValueError("the message is too long")
    return HEADER.pack(len(body)) + body


def length(header: bytes) -> int:
    """The length of the body behind a header. Raises ValueError."""
    (count,) = HEADER.unpack(header)
    if not 0 < count <= LARGEST:
        raise ValueError("not a frame")
    return int(count)


def to_broker(body: bytes) -> ToBroker:
    """Read what the engine said. Raises ValueError."""
    return _TO.decode(body)


def from_broker(body: bytes) -> FromBroker:
    """Read what the broker said. Raises ValueError."""
    return _FROM.decode(body)
