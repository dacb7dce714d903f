"""Coverage-guided fuzzing of what reads hostile bytes: ``python benchmarks/fuzz.py {values,frames} [--seconds 300]``.

``values``  decode accepts exactly the canonical encodings: ValueInvalid, or a value whose encoding is the very bytes.
``frames``  the engine's half of the conversation over real pipes, the bytes being the child's side: outputs within the
            limits or a status of the documented set, before the deadline, no descriptor lost, and nothing else.

Needs ``pip install atheris`` (libFuzzer for Python), which the project's own tests do not. ``--corpus DIR`` keeps what
was found between runs. A finding ends the run with its traceback and leaves the input in ``crash-*``. At the end
libFuzzer prints the number of executions; ``cov`` is the number of branches of the Python code reached.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import atheris
import msgspec
import numpy as np

with atheris.instrument_imports(include=["selfproof"]):
    from selfproof.jail import frames, values
    from selfproof.jail.limits import Limits, Status, Stopped
    from selfproof.jail.protocol import Conversation
    from selfproof.jail.values_reader import DTYPES

LETTERS = b".biltLTdsfa"
LIMITS = Limits(wall_s=0.02, output_bytes=4096, log_bytes=256)
LATE_S = 0.5  # a busy machine may come back to us late; the fuzzer itself stops at what hangs
INPUTS = [values.encode(1), values.encode([2, 3]), values.encode(b"x" * 200)]
STATUSES = frozenset(get_args(Status))


def plain(rng: random.Random, depth: int = 3) -> object:
    """A random plain value that has every letter of the encoding somewhere in its family."""
    leaves = (None, True, -1, 1 << 70, -(1 << 200), 0.5, -0.0, float("nan"), "", "text \u00e9", b"", b"bytes")
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(leaves)
    items = [plain(rng, depth - 1) for _ in range(rng.randrange(4))]
    hashable = [item for item in items if isinstance(item, (type(None), bool, int, float, str, bytes))]
    array = np.array([rng.randrange(2) for _ in range(rng.randrange(5))], rng.choice(["f4", "f8", "i1", "u8", "?"]))
    kinds = (items, tuple(items), dict(zip(hashable, items, strict=False)), set(hashable), frozenset(hashable), array)
    return rng.choice(kinds)


def value_seeds() -> list[bytes]:
    """Encodings of plain values."""
    rng = random.Random(1)
    return [b"\0" + values.encode(plain(rng)) for _ in range(300)] + [rng.randbytes(200) for _ in range(50)]


def try_value(data: bytes) -> None:
    """One execution of ``values``: the bytes as they are, or (first byte odd) well-formed msgpack of odd parts."""
    data = msgspec.msgpack.encode(parts(data[1:])) if data[:1] and data[0] & 1 else data[1:]
    try:
        value = values.decode(data)
    except values.ValueInvalid:
        return
    again = values.encode(value)
    if again != data:
        raise AssertionError(f"{value!r} was read from what is not its encoding")


def parts(data: bytes) -> tuple[list[bytes], bytes, list[object]]:
    """The three flat parts of an encoding, each from the fuzzer's bytes: past the typed decoder, into the reader."""
    give = atheris.FuzzedDataProvider(data)
    shape = bytes(give.PickValueInList(list(LETTERS)) for _ in range(give.ConsumeIntInRange(0, 12)))
    scalars: list[object] = []
    for _ in range(give.ConsumeIntInRange(0, 16)):
        kind = give.ConsumeIntInRange(0, 7)
        small, large = give.ConsumeIntInRange(0, 4), give.ConsumeInt(8)
        dtype, text = give.PickValueInList(sorted(DTYPES)), give.ConsumeUnicodeNoSurrogates(2)
        scalars.append((small, small, small, large, dtype, None, give.ConsumeFloat(), text)[kind])
    blobs = []
    for _ in range(give.ConsumeIntInRange(0, 6)):
        inner = give.ConsumeBytes(give.ConsumeIntInRange(0, 16))
        blobs.append(values.encode(inner[0]) if inner[:1] and give.ConsumeBool() else inner)
    return blobs, shape, scalars


def frame(tag: int, body: bytes = b"") -> bytes:
    """One frame as a child writes it."""
    return frames.HEADER.pack(len(body) + 1, tag) + body


def pieces(*said: bytes) -> bytes:
    """What a child says at one go and after that, each with its length in front."""
    return b"".join(struct.pack("<H", len(part)) + part for part in said)


def frame_seeds() -> list[bytes]:
    """What children say, well and badly behaved; the first byte says how the pipes are left."""
    hello = frame(frames.READY), frame(frames.LOADED)
    answer, long = frame(frames.OUTPUT, INPUTS[0]), frame(frames.OUTPUT, bytes(3000))
    said = [
        (), hello, (*hello, answer, answer, answer), (*hello, *[answer] * 3, hello[1], *[answer] * 3),
        (*hello, answer[:3], answer[3:], answer, answer), (*hello, long, long), (*hello, answer + answer),
        (hello[0], frame(frames.ERROR, b"\xff text")), (*hello, frame(frames.OOM)), (frame(frames.ERROR),),
        (*hello, frame(frames.INVALID, b"no")), (*hello, answer, frame(frames.ERROR, b"late")),
        (*hello, *[answer] * 4), (*hello, b"\xff" * 40), (frame(99, bytes(60_000)),),
    ]  # fmt: skip
    return [bytes([how]) + pieces(*parts) for how in (0, 8, 16, 248, 249, 255) for parts in said]


class Answered(Conversation):
    """A conversation whose child says the next piece each time that the engine waits for it, then closes."""

    said: Iterator[bytes] = iter(())
    speak: Callable[[bytes | None], object]

    def _wait(self, timeout_s: float | None = None) -> bool:
        if timeout_s is None:
            self.speak(next(self.said, None))
        return super()._wait(timeout_s)


def split(data: bytes) -> Iterator[bytes]:
    """The pieces that ``pieces`` put together, and whatever else can be read that way."""
    while data:
        length = int.from_bytes(data[:2], "little")
        if piece := data[2 : 2 + length]:
            yield piece
        data = data[2 + length :]


def try_frames(data: bytes) -> None:
    """One execution of ``frames``: the first byte says which ends the child leaves open, and how it is asked."""
    how, said = (data[0], data[1:]) if data else (0, b"")
    stays = how & 7 if how >= 248 else 2  # others seldom: a child that stays costs a deadline for each execution
    to_child, from_child, log = (os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) for _ in range(3))
    theirs = {1: from_child[1], 2: to_child[0], 4: log[1]}

    def speak(part: bytes | None) -> None:
        with contextlib.suppress(BlockingIOError):
            if part is None and not stays & 1 and 1 in theirs:
                os.close(theirs.pop(1))
            elif part and 1 in theirs:
                os.write(theirs[1], part)
                if 4 in theirs:
                    os.write(theirs[4], part[:100])

    talk = Answered(to_child[1], from_child[0], log[0], LIMITS)
    talk.said, talk.speak = split(said), speak
    began = time.perf_counter()
    try:
        for bit in (2, 4):
            if not stays & bit:
                os.close(theirs.pop(bit))
        _converse(talk, screening=bool(how & 8))
    finally:
        kept = talk.close()
        for descriptor in theirs.values():
            os.close(descriptor)
    if len(kept) > LIMITS.log_bytes:
        raise AssertionError(f"kept {len(kept)} bytes of log")
    if (took := time.perf_counter() - began) > LIMITS.wall_s * (2 if how & 8 else 1) + LATE_S:
        raise AssertionError(f"took {took} s")


def _converse(talk: Conversation, *, screening: bool) -> None:
    room = LIMITS.output_bytes
    try:
        for part in range(2 if screening else 1):
            if part:
                talk.again(LIMITS)
            talk.start(b"source")
            answers = [talk.ask(data, keep=screening)[0] for data in INPUTS]
            if any(type(answer) is not bytes for answer in answers) or sum(map(len, answers)) > room:
                raise AssertionError("outputs are not bytes within the limit")
            talk.pause() if screening else talk.finish()
    except Stopped as stop:
        if stop.status not in STATUSES or not isinstance(stop.message, str):
            raise AssertionError(f"stopped with {stop.status!r}") from None


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], list[bytes]]]] = {
    "values": (try_value, value_seeds),
    "frames": (try_frames, frame_seeds),
}


def main() -> None:
    """Fuzz one target for a while."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--corpus", type=Path)
    options = parser.parse_args()
    corpus = options.corpus or Path(tempfile.mkdtemp(prefix="selfproof-fuzz-"))
    corpus.mkdir(parents=True, exist_ok=True)
    attempt, seeds = TARGETS[options.target]
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    descriptors = len(list(Path("/proc/self/fd").iterdir()))

    def once(data: bytes) -> None:
        attempt(data)
        if options.target == "frames" and len(os.listdir("/proc/self/fd")) > descriptors + 8:  # noqa: PTH208
            raise AssertionError("descriptors are lost")

    words = [f"-max_total_time={options.seconds}", "-print_final_stats=1", "-max_len=70000", "-timeout=20"]
    atheris.Setup([sys.argv[0], *words, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
