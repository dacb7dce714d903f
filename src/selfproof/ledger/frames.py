"""The log file: frames of `u32 LE length | u32 LE CRC-32 | leaf bytes`, appended and never rewritten.

A writer that dies leaves at most one record that ends too early: a *torn tail*, no damage as long as no
checkpoint covers it. Everything else that does not read back is damage.

Does not protect against:
- a change made together with its checksum: only the Merkle root and its signature notice that
"""

import fcntl
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from selfproof.ledger.errors import LedgerBroken, LedgerBusy
from selfproof.ledger.openings import Openings, told
from selfproof.ledger.statement import MAX_LEAF, Leaf, document, guess_kind, parse_statement

_HEADER = struct.Struct("<II")


class Frame(NamedTuple):
    """One whole record; `end` is the byte offset just behind it."""

    number: int
    end: int
    raw: bytes

    def leaf(self, read: Callable[[bytes], Any] = document) -> Leaf:
        """Parse the record; LedgerBroken if it is not a leaf. `read` is for `parse_statement`."""
        try:
            kind, body, _ = parse_statement(self.raw, read)
        except ValueError as error:
            raise LedgerBroken(self.number, guess_kind(self.raw), str(error)) from None
        return Leaf(self.number, kind, body, self.raw, body["time"])


def encode(raw: bytes) -> bytes:
    """Return the frame for one leaf."""
    return _HEADER.pack(len(raw), zlib.crc32(raw)) + raw


def open_log(folder: Path) -> BinaryIO:
    """Open the log of a ledger for reading; LedgerBroken if there is none."""
    try:
        return (folder / "log").open("rb", buffering=1 << 20)
    except FileNotFoundError:
        raise LedgerBroken(None, "log", f"there is no ledger in {folder}") from None


def scan(file: BinaryIO, covered: int = 0) -> Iterator[Frame]:
    """Yield the whole records from the start of `file`, and stop at its end or at a torn tail.

    Raises LedgerBroken at the first damaged record, and where fewer than `covered` records are whole.
    """
    index = end = 0
    while header := file.read(_HEADER.size):
        payload = b""
        if len(header) == _HEADER.size:
            length, crc = _HEADER.unpack(header)
            payload = file.read(length) if length <= MAX_LEAF else b""
            if length and len(payload) == length and zlib.crc32(payload) == crc:
                end += _HEADER.size + length
                yield Frame(index, end, payload)
                index += 1
                continue
        if reason := _damage(header, payload, file):
            hint = unsigned_hint(end) if 0 < covered <= index else f" (byte {end} of the log)"
            raise LedgerBroken(index, guess_kind(payload), reason + hint)
        break
    if index < covered:
        raise LedgerBroken(index, "unknown", f"missing: the log must hold at least {covered} whole entries")


def _damage(header: bytes, payload: bytes, file: BinaryIO) -> str | None:
    """Say what is wrong with a record that does not read back; None for a write that was cut short."""
    if len(header) < _HEADER.size:
        return None
    length, crc = _HEADER.unpack(header)
    if length == 0 and crc == 0 and not any(file.read()):
        return None  # after a power cut, some file systems show zeros that were never written
    if not 0 < length <= MAX_LEAF:
        return f"an impossible length, {length} bytes"
    if len(payload) == length:
        return "the bytes do not match their checksum"
    running = 0
    for byte in payload:
        running = zlib.crc32(bytes((byte,)), running)
        if running == crc:
            return "the length was altered: a whole record lies behind it"
    return None


def unsigned_hint(offset: int) -> str:
    """Return what a person may do about damage that no signature covers, at this byte of the log."""
    return f"; it was not signed yet, so `truncate -s {offset} log` returns to a sound state"


def leaves(folder: Path, start: int, stop: int) -> Iterator[Leaf]:
    """Yield the entries start..stop-1; LedgerBroken where one does not read back."""
    openings = Openings(folder)
    with open_log(folder) as file:
        for frame in scan(file, covered=stop):
            if frame.number >= stop:
                return
            if frame.number >= start:
                yield told(frame.leaf(), openings)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`, over as many system calls as it takes."""
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def lock_log(path: Path, flags: int = 0) -> int:
    """Open a log for writing and lock it; the lock dies with the process.

    Raises LedgerBusy, LedgerBroken if there is no log, OSError.
    """
    try:
        log = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o644)
    except FileNotFoundError:
        raise LedgerBroken(None, "log", f"there is no ledger in {path.parent}") from None
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(log)
        raise LedgerBusy(f"another process is writing to {path.parent}") from None
    return log
