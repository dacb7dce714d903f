"""Arbitrary bytes and programs: always an answer or a status, never another exception, never past the deadline.

The fork-server's control socket is not fuzzed: both of its ends are trusted, and a candidate never holds one (the
attack suite tries). Coverage-guided fuzzing of the same two readers, for as long as one likes, is `benchmarks/fuzz.py`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import get_args

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_jail_values import plain

from selfproof.jail import Job, Limits, Pool, Status, frames, harness, values
from selfproof.jail.limits import Stopped
from selfproof.jail.protocol import Conversation
from selfproof.jail.values_reader import DTYPES

STATUSES = frozenset(get_args(Status))
ROOM = 70_000  # above the size that any frame may have
LIMITS = Limits(wall_s=0.05, output_bytes=ROOM, log_bytes=1000)
LATE_S = 1.0  # a busy machine may come back to us late
INPUTS = [values.encode(1), values.encode([2, 3]), values.encode(b"x" * 200)]


def frame(tag: int, body: bytes = b"") -> bytes:
    return frames.HEADER.pack(len(body) + 1, tag) + body


class Answered(Conversation):
    """A conversation whose child says the next piece each time that the engine waits for it."""

    speak: Callable[[], None]

    def _wait(self, timeout_s: float | None = None) -> bool:
        if timeout_s is None:
            self.speak()
        return super()._wait(timeout_s)


def converse(
    said: Sequence[bytes], *, stays: bool, reads: bool, screening: bool, limits: Limits = LIMITS
) -> tuple[str, list[bytes]]:
    """Run one conversation over real pipes; return the status and the outputs. No process takes part."""
    to_child, from_child, log = (os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) for _ in range(3))
    theirs = {"in": to_child[0], "out": from_child[1], "log": log[1]}
    pieces: Iterator[bytes | None] = iter([*said, *([] if stays else [None])])

    def speak() -> None:
        part = next(pieces, b"")
        if part is None:
            os.close(theirs.pop("out"))
        elif "out" in theirs:
            with contextlib.suppress(BlockingIOError):
                os.write(theirs["out"], part)
                os.write(theirs["log"], part[:100])

    if not reads:
        os.close(theirs.pop("in"))
    talk = Answered(to_child[1], from_child[0], log[0], limits)
    talk.speak = speak
    outputs: list[bytes] = []
    status = "ok"
    try:
        for part in range(2 if screening else 1):
            if part:
                talk.again(limits)
            talk.start(b"source")
            outputs = []
            for data in INPUTS:
                outputs.append(talk.ask(data, keep=screening)[0])
            talk.pause() if screening else talk.finish()
    except Stopped as stop:
        status = stop.status
        assert type(stop.message) is str
    finally:
        kept = talk.close()
        for descriptor in theirs.values():
            os.close(descriptor)
    assert len(kept) <= limits.log_bytes
    return status, outputs


HELLO = [frame(frames.READY), frame(frames.LOADED)]
bodies = st.binary(max_size=40) | st.integers(0, ROOM).map(bytes) | st.sampled_from(INPUTS)
tags = st.sampled_from(
    [frames.READY, frames.LOADED, *[frames.OUTPUT] * 4, frames.ERROR, frames.OOM, frames.INVALID, 0, 99]
)
announced = st.builds(frames.HEADER.pack, st.integers(0, (1 << 32) - 1), tags)
said = st.lists(st.builds(frame, tags, bodies) | announced | st.binary(max_size=20), max_size=8)


@settings(max_examples=400, deadline=None)
@given(st.booleans(), said, st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_whatever_a_child_says_the_engine_gets_outputs_or_a_status(
    greets: bool, said: list[bytes], stays: int, deaf: int, screening: bool
) -> None:
    tracemalloc.start()
    began = time.perf_counter()
    try:
        pieces = [*HELLO, *said] if greets else said
        status, outputs = converse(pieces, stays=stays == 0, reads=deaf > 0, screening=screening)
        took, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status in STATUSES and (status != "ok" or len(outputs) == len(INPUTS))
    assert all(type(output) is bytes for output in outputs) and sum(map(len, outputs)) <= ROOM
    assert took < 2 * LIMITS.wall_s + LATE_S
    assert peak < 4 * ROOM + (1 << 18), "what was announced was allocated"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_an_honest_child_is_heard_however_its_bytes_are_cut(data: st.DataObject) -> None:
    stream = b"".join([*HELLO, *(frame(frames.OUTPUT, answer) for answer in INPUTS)])
    ends = [0, 5, 10]  # up to here it must wait to be asked, and after each answer
    for answer in INPUTS:
        ends.append(ends[-1] + 5 + len(answer))
    cuts = data.draw(st.sets(st.integers(0, len(stream)), max_size=10))
    marks = sorted({*ends, *cuts})
    pieces = [stream[a:b] for a, b in itertools.pairwise(marks)]
    patient = replace(LIMITS, wall_s=5.0)
    assert converse(pieces, stays=False, reads=True, screening=False, limits=patient) == ("ok", INPUTS)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The encoding of a plain value with a few bytes changed, lost, repeated or put in."""
    data = bytearray(values.encode(draw(plain)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        new, lost = draw(st.binary(max_size=3)), draw(st.integers(0, 3))
        data[at : at + lost] = new
    return bytes(data)


numbers = st.integers(-2, 6) | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.booleans()
scalars = st.lists(numbers | st.none() | st.text(max_size=2) | st.sampled_from(sorted(DTYPES)), max_size=14)
blobs = st.lists(st.binary(max_size=16) | numbers.map(values.encode), max_size=5)
parts = st.builds(
    lambda blobs, shape, scalars: msgspec.msgpack.encode((blobs, shape.encode(), scalars)),
    blobs, st.text(".biltLTdsfa", max_size=10), scalars,
)  # fmt: skip


@st.composite
def reordered(draw: st.DrawFn) -> bytes:
    """A set whose members come in any order: only one of them is its encoding."""
    data = values.encode(draw(st.sets(st.integers(), min_size=2, max_size=5)))
    blobs, shape, scalars = msgspec.msgpack.decode(data)
    return msgspec.msgpack.encode((draw(st.permutations(blobs)), shape, scalars))


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=60) | mutated() | parts | reordered())
def test_bytes_are_a_value_whose_encoding_they_are_or_no_value(data: bytes) -> None:
    try:
        value = values.decode(data)
    except values.ValueInvalid:
        return
    assert values.encode(value) == data


LINES = [
    "def f(x): return x", "def f(x): return [x] * 3", "f = len", "f = 3", "def f(x): return f(x)",
    "def f(x):\n    yield x", "class f:\n    def __init__(self, x): raise SystemExit(x)",
    "import os, sys, threading, ctypes, time", "raise KeyboardInterrupt", "1 / 0", "import nowhere", "def g(: pass",
    "while True: pass", "time.sleep(9)", "os._exit(0)", "os.abort()", "ctypes.string_at(8)", "sys.exit('bye')",
    "os.write(4, b'\\x01\\x00\\x00\\x00\\x12')", "os.write(4, b'\\xff' * 9)", "os.write(4, bytes(99))", "os.close(4)",
    "os.close(3)", "os.closerange(0, 64)", "os.dup2(4, 1)", "os.write(1, b'\\x1b[31m' * 9999)", "print('x' * 10**6)",
    "x = 'a' * (1 << 34)", "x = [0] * (1 << 26)\nx = [x] * 99", "sys.setrecursionlimit(10**9)", "sys.modules.clear()",
    "threading.Thread(target=time.sleep, args=(9,)).start()", "threading.Thread(target=os._exit, args=(3,)).start()",
    "sys.modules['selfproof.jail.values'].encode = lambda value: b'?'", "sys.stdout = sys.stderr = None",
    "sys.modules['selfproof.jail.answering']._answer_all = None", "sys.meta_path.clear()", "del __builtins__",
    "import builtins\nbuiltins.len = None", "os.kill(os.getppid(), 9)", "import gc\ngc.collect()",
    "class E(Exception):\n    __str__ = None\nraise E", "import atexit\natexit.register(print, 'late')",
    "x\x00y", "\ud7ff", "return x", "return x + 1", "return {x}", "return os", "return (y for y in x)",
]  # fmt: skip
lines = st.lists(st.sampled_from(LINES), max_size=4).map("\n".join)
functions = lines.map(lambda body: "def f(x):\n    " + body.replace("\n", "\n    ") + "\n    return x")
imports = st.just("import os, sys, threading, ctypes, time\n")
sources = st.text(max_size=60) | st.tuples(imports, lines).map("".join) | st.tuples(imports, functions).map("".join)
names = st.sampled_from(
    ["m.py", "n.py", "a/b.py", "a/__init__.py", "../m.py", "/m.py", "a//b.py", ".py", "", "__init__.py", "sys.py",
     "os.py", "selfproof/jail/child.py", "numpy/__init__.py", "m.txt", "m" * 3000 + ".py"]
)  # fmt: skip
programs = st.dictionaries(names | st.text(max_size=8), sources, max_size=3)
entries = st.sampled_from(["m.py:f", "m.py:", ":f", "", "m.py:f:f", "a/b.py:f", "m.py:__doc__"]) | st.text(max_size=9)
modes = st.sampled_from([*harness.MODES, "", "odd"]) | st.text(max_size=4)
HONEST = Job({"m.py": "def f(x): return x + 1"}, "m.py:f", [values.encode(41)], limits=Limits(wall_s=10))


wholes = st.just("call") | modes


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sources, programs, st.just("m.py:f") | entries, wholes, st.lists(plain, max_size=3), st.booleans())
def test_whatever_is_run_the_outcome_has_a_status_and_the_worker_goes_on(
    pool: Pool, source: str, others: dict[str, str], entry: str, mode: str, inputs: list[object], screening: bool
) -> None:
    files = {"m.py": source, **others}
    limits = Limits(wall_s=0.3, cpu_s=1, output_bytes=1 << 16)
    job = Job(files, entry, [values.encode(x) for x in inputs], mode=mode, limits=limits, screening=screening)
    began = time.perf_counter()
    outcome = pool.submit(job).result(timeout=30)
    assert outcome.status in STATUSES and outcome.status != "jail_failed", outcome
    assert len(outcome.outputs) == len(outcome.seconds) <= len(inputs)
    assert outcome.status != "ok" or len(outcome.outputs) == len(inputs)
    for output in outcome.outputs:
        values.decode(output)
    assert all(c.isprintable() or c in "\n\t" for c in outcome.log + (outcome.message or ""))
    assert time.perf_counter() - began < 10
    assert [values.decode(o) for o in pool.submit(HONEST).result(timeout=30).outputs] == [42]
