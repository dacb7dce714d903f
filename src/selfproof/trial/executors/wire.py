"""What passes between the engine and a node: a job without its callbacks, questions, and an outcome; msgpack, by type.

A job's callbacks (``go_on``, ``exchange``) hold answers, and stay with the engine: the node asks, and is told. Inputs
of ``BIG`` bytes or more travel beside the job, named by their SHA-256.

Does not protect against: Ray itself, which unpickles what the processes of a cluster send to each other: whoever rules
a node's account rules its engine. What a jailed program writes arrives as bytes in bytes and is never unpickled.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from selfproof.grants import Grants
from selfproof.jail import Job, Limits, Outcome
from selfproof.nouns import SelfproofError

BIG: Final = 4096
"""Bytes from which on an input travels by its hash."""
SLACK: Final = 1 << 20
"""Bytes of a message beyond what its job allows for outputs and log."""


class NodeFailed(SelfproofError):
    """A node said something that no node of ours says, or cannot be used."""


class Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A job as a node gets it; ``big`` names positions in ``inputs`` (empty there) and what belongs there."""

    files: dict[str, str]
    entry: str
    inputs: list[bytes]
    big: list[tuple[int, str]]
    mode: str
    limits: dict[str, Any]
    grants: list[str]
    screening: bool
    timed: bool
    asks: str  # "", "go_on" or "exchange"


class Question(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a node wants to know; ``fresh``: this exchange begins (again)."""

    position: int
    output: bytes
    fresh: bool = False


class About(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a node is."""

    name: str
    tier: str
    layers: list[str]
    python: str
    selfproof: str


class Message(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """From a node: an outcome, or a question that it waits with."""

    outcome: Outcome | None = None
    question: Question | None = None


class Told(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The engine's answer to a question."""

    done: bool
    message: bytes = b""


_LIMITS: Final = ("wall_s", "cpu_s", "memory_mb", "output_bytes", "log_bytes")


def digest(data: bytes) -> str:
    """The name under which an input travels."""
    return hashlib.sha256(data).hexdigest()


def order(job: Job) -> tuple[bytes, dict[str, bytes]]:
    """A job in bytes, and its big inputs by name."""
    inputs, named, big = list(job.inputs), {}, []
    names: dict[int, str] = {}  # by identity: the blocks of a race are the same objects again and again
    for position, data in enumerate(inputs):
        if len(data) >= BIG:
            name = names.get(id(data)) or digest(data)
            names[id(data)] = name
            named[name] = data
            big.append((position, name))
            inputs[position] = b""
    asks = "exchange" if job.exchange else "go_on" if job.go_on else ""
    told = Order(
        dict(job.files), job.entry, inputs, big, job.mode, {name: getattr(job.limits, name) for name in _LIMITS},
        list(job.limits.grants.lines()), job.screening, job.timed, asks,
    )  # fmt: skip
    return msgspec.msgpack.encode(told), named


def job_of(data: bytes, named: Mapping[str, bytes], go_on: Any, exchange: Any) -> Job:
    """The job that an order stands for, with a node's own callbacks in the place of the engine's.

    Raises:
        NodeFailed: an input is not what its name says.
    """
    told = msgspec.msgpack.decode(data, type=Order)
    inputs = list(told.inputs)
    for position, name in told.big:
        inputs[position] = named[name]
    limits = Limits(**told.limits, grants=Grants.parse(told.grants))
    return Job(
        told.files, told.entry, inputs, told.mode, limits, go_on if told.asks == "go_on" else None, told.screening,
        told.timed, exchange if told.asks == "exchange" else None,
    )  # fmt: skip


def encode(message: object) -> bytes:
    """A message in bytes."""
    return msgspec.msgpack.encode(message)


def message_of(data: object, job: Job, tier: str) -> Message:
    """A node's message, if it is one that this job can lead to.

    Raises:
        NodeFailed: it is not.
    """
    room = SLACK + job.limits.output_bytes * (2 if job.go_on else 1) + 8 * job.limits.log_bytes
    if not isinstance(data, bytes) or len(data) > room:
        raise NodeFailed("a node sent more than its job can come to")
    try:
        message = msgspec.msgpack.decode(data, type=Message)
    except msgspec.DecodeError as error:
        raise NodeFailed(f"a node sent what is no message: {error}") from None
    if (message.outcome is None) == (message.question is None):
        raise NodeFailed("a node sent neither an outcome nor a question")
    if message.outcome is not None:
        _check(message.outcome, job, tier)
    elif message.question is not None:
        asked = message.question
        if not 0 <= asked.position < len(job.inputs) or not (job.go_on or job.exchange):
            raise NodeFailed("a node asked what its job does not ask")
    return message


def _check(outcome: Outcome, job: Job, tier: str) -> None:
    count = len(outcome.outputs)
    numbers: Sequence[float] = (
        *outcome.seconds, *outcome.cpu, outcome.cpu_seconds, outcome.max_rss_mb, outcome.load_seconds,
    )  # fmt: skip
    if outcome.tier != tier:
        raise NodeFailed(f"a node ran a job at the tier {outcome.tier[:40]!r}, not {tier}")
    if count > len(job.inputs) or len(outcome.seconds) > len(job.inputs) or len(outcome.cpu) > len(job.inputs):
        raise NodeFailed("a node gave more answers than it was asked for")
    if outcome.status == "ok" and count != len(job.inputs) and job.go_on is None:
        raise NodeFailed("a node gave fewer answers than it was asked for")
    if not all(math.isfinite(number) and number >= 0.0 for number in numbers):
        raise NodeFailed("a node sent a time that is none")
