"""The words that engine and child exchange over two pipes: length (4 bytes, little-endian), tag (1 byte),
body.

The length counts tag and body. The engine sends SOURCE, then INPUT frames; the child answers READY (locked
in, nothing of the program read yet), LOADED, then one OUTPUT per input, or ends with ERROR, OOM or INVALID.
For screening, a further SOURCE puts another program in the place of the one before; KEEP is an INPUT that the
child remembers, AGAIN its number (4 bytes) instead of sending it once more.
This module has the child's blocking half; the engine's, which must survive a hostile child, is `protocol`.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import Final

_POPULATED_FROM: Final = 1 << 16
HEADER: Final = struct.Struct("<IB")
SOURCE, INPUT, KEEP, AGAIN = 1, 2, 3, 4
NUMBER: Final = struct.Struct("<I")
READY, LOADED, OUTPUT, ERROR, OOM, INVALID = 16, 17, 18, 19, 20, 21

# On the control socket to the fork-server, for each job: RUN with three descriptors, any number of CLOCKs with a SPENT
# back for each, an END, back an ENDED.
RUN: Final = struct.Struct("<qq")  # processor seconds, bytes of address space
END_NOW, END_SOON = b"n", b"s"  # kill at once | give a child that has closed its pipe a moment to finish exiting
CLOCK: Final = b"c"
SPENT: Final = struct.Struct("<d")  # processor seconds of all the child's threads so far, by the kernel's count
ENDED: Final = struct.Struct("<iddqq?")  # wait status, user and system seconds, peak KiB, stragglers, killed by us


def send(descriptor: int, tag: int, body: bytes = b"") -> None:
    """Write one frame, all of it. Raises OSError when the reader is gone."""
    for part in (HEADER.pack(len(body) + 1, tag), body):
        view = memoryview(part)
        while view:
            view = view[os.write(descriptor, view) :]


def receive(descriptor: int, *, shift: int = 0) -> tuple[int, memoryview] | None:
    """Read tag and body of one frame, None at the end of the stream; byte `shift` of the body is aligned to 16."""
    header = _read(descriptor, HEADER.size, 0)
    if header is None:
        return None
    length, tag = HEADER.unpack(header)
    body = _read(descriptor, length - 1, -shift % 16)
    return None if body is None else (tag, body)


def _read(descriptor: int, count: int, skip: int) -> memoryview | None:
    body = view = memoryview(_memory(skip + count))[skip : skip + count]
    while view:
        got = os.readv(descriptor, [view])
        if not got:
            return None
        view = view[got:]
    return body


def _memory(count: int) -> bytearray | mmap.mmap:
    """Get writable memory; large ones with all their pages, as a fault for each would cost more."""
    if count < _POPULATED_FROM:
        return bytearray(count)
    return mmap.mmap(-1, count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
