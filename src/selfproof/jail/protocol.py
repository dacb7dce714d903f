"""The engine's half of the conversation with a child that may be hostile.

Lengths are checked before anything is read, reads and writes never block, one absolute deadline covers all of
it, and what arrives is only ever data. The first `log_bytes` of what the program prints are kept; after that
it is left waiting.

Does not protect against:
- wrong answers: whatever bytes arrive as an output *are* the output; the scorer, outside, judges them.
"""

from __future__ import annotations

import os
import select
import time
from typing import Final, NoReturn

from selfproof.jail import frames
from selfproof.jail.limits import Limits, Status, Stopped

_KEPT_MOST: Final = 32  # inputs that a child remembers
_SMALL_FRAME: Final = 64 << 10  # READY, LOADED and error frames
_BAD_NEWS: Final[dict[int, Status]] = {frames.ERROR: "error", frames.INVALID: "invalid_output", frames.OOM: "oom"}
_READABLE: Final = select.POLLIN | select.POLLHUP | select.POLLERR


class Conversation:
    """Frames to and from one child, over three non-blocking pipes that this object owns from now on."""

    def __init__(self, to_child: int, from_child: int, log: int, limits: Limits) -> None:
        """Start the clock: the deadline counts from here."""
        self._to, self._from, self._log = to_child, from_child, log
        self._begin(limits)
        self._kept: dict[int, tuple[bytes, int]] = {}  # by identity; the object itself, so that it stays the only one
        self._ready = False
        self._log_open = True
        self._poll = select.poll()
        self._poll.register(from_child, select.POLLIN)
        self._poll.register(log, select.POLLIN)

    def _begin(self, limits: Limits) -> None:
        self._deadline = time.perf_counter() + limits.wall_s
        self._wall_s = limits.wall_s
        self._room = self._whole_room = limits.output_bytes
        self._log_room = limits.log_bytes
        self._log_parts: list[bytes] = []

    def again(self, limits: Limits) -> None:
        """Start the clock for another program in the same child."""
        self._begin(limits)
        if not self._log_open:
            self._poll.register(self._log, select.POLLIN)
            self._log_open = True

    def start(self, source: bytes) -> float:
        """Wait until the child is locked in, hand it the program; return the seconds until loaded. Raises Stopped."""
        if not self._ready:
            self._expect(frames.READY)
            self._ready = True
        started = time.perf_counter()
        self._send(frames.SOURCE, source)
        self._expect(frames.LOADED)
        return time.perf_counter() - started

    def ask(self, data: bytes, *, keep: bool = False) -> tuple[bytes, float]:
        """Send one input; return the output and the seconds from one to the other. Raises Stopped.

        With `keep` the child remembers the input: this very object is not sent to it a second time.
        """
        started = time.perf_counter()
        number = len(self._kept)
        _, known = self._kept.get(id(data), (b"", number))
        if known < number:
            self._send(frames.AGAIN, frames.NUMBER.pack(known))
        elif keep and number < _KEPT_MOST:
            self._kept[id(data)] = (data, number)
            self._send(frames.KEEP, data)
        else:
            self._send(frames.INPUT, data)
        output = self._expect(frames.OUTPUT)
        return output, time.perf_counter() - started

    def go_on(self, data: bytes) -> tuple[bytes, float]:
        """Send the next message of an exchange: `ask`, with room for as much output as the whole job has."""
        self._room = self._whole_room
        return self.ask(data)

    def finish(self) -> None:
        """Say that there are no more inputs and see the child go without another word. Raises Stopped."""
        self.hang_up()
        while not self._wait():
            pass
        if self._read(bytearray(1)):
            raise Stopped("protocol_error", "the program wrote more after its last output")

    def pause(self) -> bytes:
        """End one program's part, with the child alive; return what it printed. Raises Stopped."""
        if self._wait(0):
            self._refuse_early_output()
        self._drain_log()
        return b"".join(self._log_parts)

    def hang_up(self) -> None:
        """Close the way to the child. Idempotent."""
        if self._to >= 0:
            os.close(self._to)
            self._to = -1

    def close(self) -> bytes:
        """Close all pipes; return what the program printed."""
        self.hang_up()
        self._drain_log()
        os.close(self._from)
        os.close(self._log)
        return b"".join(self._log_parts)

    def _send(self, tag: int, body: bytes) -> None:
        if self._wait(0):
            self._refuse_early_output()
        header = memoryview(frames.HEADER.pack(len(body) + 1, tag))
        parts = [header, memoryview(body)]
        try:
            self._poll.register(self._to, select.POLLOUT)
            while parts:
                self._write(parts)
        except BrokenPipeError:
            raise Stopped("crashed", "the program ended before it had read its input") from None
        finally:
            self._poll.unregister(self._to)

    def _write(self, parts: list[memoryview]) -> None:
        """Write what the pipe takes now, or wait until it takes more or the child speaks out of turn."""
        try:
            written = os.writev(self._to, parts)
        except BlockingIOError:
            if self._wait():
                self._refuse_early_output()
            return
        while parts and written >= len(parts[0]):
            written -= len(parts.pop(0))
        if parts:
            parts[0] = parts[0][written:]

    def _refuse_early_output(self) -> NoReturn:
        if self._read(bytearray(1)):
            raise Stopped("protocol_error", "the program wrote output before its input was complete")
        self._ended()

    def _expect(self, tag: int) -> bytes:
        header = bytearray(frames.HEADER.size)
        self._fill(header)
        length, got = frames.HEADER.unpack(header)
        if not 1 <= length <= 1 + max(_SMALL_FRAME, self._room if got == frames.OUTPUT else 0):
            raise Stopped("protocol_error", f"the program announced a frame of {length} bytes")
        body = bytearray(length - 1)
        self._fill(body)
        self._stop_on_bad_news(got, body)
        if got != tag:
            raise Stopped("protocol_error", f"the program sent frame {got} where {tag} belongs")
        if got == frames.OUTPUT:
            self._room -= len(body)
            if self._room < 0:
                raise Stopped("protocol_error", "the program's outputs are over the limit")
        return bytes(body)

    def _stop_on_bad_news(self, tag: int, body: bytearray) -> None:
        status = _BAD_NEWS.get(tag)
        if status is not None and self._ready:
            raise Stopped(status, body.decode(errors="replace"))

    def _fill(self, buffer: bytearray) -> None:
        view = memoryview(buffer)
        while view:
            try:
                got = os.readv(self._from, [view])
            except BlockingIOError:
                self._wait()
                continue
            if not got:
                self._ended()
            view = view[got:]

    def _read(self, buffer: bytearray) -> int:
        """Read what is there; 0 at the end of the stream."""
        return os.readv(self._from, [buffer])

    def _ended(self) -> NoReturn:
        if not self._ready:
            raise Stopped("jail_failed", "the child ended before it was locked in")
        raise Stopped("crashed", "the program ended before it had answered")

    def _wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the child or the deadline; return whether output can be read. Keeps the log flowing."""
        left = self._deadline - time.perf_counter()
        if left <= 0 and not self._ready:
            raise Stopped("jail_failed", "no child was locked in before the deadline")
        if left <= 0:
            full = " (its log was full, so it may have been waiting to print)" if self._log_room <= 0 else ""
            raise Stopped("timeout", f"no answer within {self._wall_s:g} s{full}")
        events = dict(self._poll.poll((left if timeout_s is None else min(left, timeout_s)) * 1000))
        if self._log in events:
            self._drain_log()
        return bool(events.get(self._from, 0) & _READABLE)

    def _drain_log(self) -> None:
        while self._log_room > 0:
            try:
                part = os.read(self._log, min(self._log_room, 1 << 16))
            except BlockingIOError:
                return
            if not part:
                break
            self._log_room -= len(part)
            self._log_parts.append(part)
        self._silence_log()

    def _silence_log(self) -> None:
        if self._log_open:
            self._poll.unregister(self._log)
            self._log_open = False
