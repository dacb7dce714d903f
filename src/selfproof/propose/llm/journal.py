"""What was spent, on disk before it is spent: a kill at any moment counts the most that the calls under way may cost.

One JSON object a line, only ever appended. A ``reserve`` is on disk before its call is made, a ``settle`` comes after
it; a reserve without settle counts in full, for ever. A last line without its end is from
a kill while it was written: then no call was made after it. Any other damage is an error, since a lost line would be
lost money. One process at a time may hold the file.

Does not protect against: somebody who edits the file. It guards a purse, not a proof.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from selfproof.nouns import UsageError
from selfproof.propose.llm.purse import NOTHING, Amount

LARGEST = 256 << 20


class Reserve(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reserve", tag_field="line"):
    """A call is about to be made that may cost this much; ``price_date`` is the table's."""

    id: str
    at: str
    model: str
    tokens_in: int
    tokens_out: int
    picodollars: int
    price_date: str


class Settle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="settle", tag_field="line"):
    """What it did cost, and how that is known: "usage", "bound" (the most it can be) or "free" (never answered)."""

    id: str
    tokens_in: int
    tokens_out: int
    picodollars: int
    by: str


_LINE = msgspec.json.Decoder(Reserve | Settle)


class Journal:
    """The file, open and locked; ``settled`` is all that it says was spent."""

    def __init__(self, path: Path, *, wait_s: float = 5.0) -> None:
        """Open or make it; wait so long for a process that still holds it.

        Raises:
            UsageError: another process holds it, or it is damaged, or the folder cannot be written to.
        """
        import fcntl  # not on every system that can import this package

        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    os.close(self._file)
                    raise UsageError(f"another run spends by {path}", advice="Wait until it has ended.") from None
                time.sleep(0.05)
        try:
            self.settled, self._end, self._count = _read(path, os.pread(self._file, LARGEST + 1, 0))
        except BaseException:
            os.close(self._file)
            raise
        os.ftruncate(self._file, self._end)

    def reserve(self, model: str, worst: Amount, price_date: str, *, durable: bool = True) -> str:
        """Write down that a call may cost ``worst``; the id to settle it by. Raises OSError: then make no call.

        ``durable``: on disk before this returns. What costs nothing and fills no budget need not be.
        """
        self._count += 1
        name = f"{self._count:06d}"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = Reserve(name, now, model, worst.tokens_in, worst.tokens_out, worst.pico, price_date)
        self._append(line, durable)
        return name

    def settle(self, name: str, true: Amount, by: str) -> None:
        """Write down what it did cost. Raises OSError: then the reserve keeps counting.

        Should the machine lose power before this is on disk, the reserve counts: too much, never too little.
        """
        self._append(Settle(name, true.tokens_in, true.tokens_out, true.pico, by), durable=False)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, line: Reserve | Settle, durable: bool) -> None:
        data = msgspec.json.encode(line) + b"\n"
        try:
            written = os.write(self._file, data)
            if written < len(data):
                raise OSError(28, "no space left")
            if durable:
                os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)  # half a line would be damage
            raise
        self._end += len(data)


def _read(path: Path, data: bytes) -> tuple[Amount, int, int]:
    """All that was spent or may have been, the end of the last whole line, and the highest number of a call."""
    end = data.rfind(b"\n") + 1
    if len(data) > LARGEST:
        raise UsageError(f"{path} is too large", advice="Move it away: then nothing counts as spent.")
    open_calls: dict[str, Amount] = {}
    total, highest = NOTHING, 0
    for number, text in enumerate(data[:end].split(b"\n")[:-1], 1):
        try:
            line = _LINE.decode(text)
            amount = Amount(line.tokens_in, line.tokens_out, line.picodollars)
            if min(line.tokens_in, line.tokens_out, line.picodollars) < 0 or (line.id in open_calls) != (
                isinstance(line, Settle)
            ):
                raise ValueError("not in order")
            highest = max(highest, int(line.id))
        except (msgspec.DecodeError, ValueError) as error:
            advice = (
                "Put it in order: without it nobody knows what was spent. Without the file nothing counts as spent."
            )
            raise UsageError(f"{path} is damaged in line {number}: {error}", advice=advice) from None
        if isinstance(line, Reserve):
            open_calls[line.id] = amount
        else:
            del open_calls[line.id]
            total += amount
    return sum(open_calls.values(), total), end, highest


def spent(path: Path) -> Amount:
    """All that a journal says was spent or may have been; nothing where there is none. Raises UsageError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return NOTHING
    return _read(path, data)[0]
