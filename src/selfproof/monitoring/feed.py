"""The live feed: a run's events for other processes, one JSON line each in ``.selfproof/live.jsonl``.

A new run writes a new file; numbers (``seq``) go on from the last one, so that a reader can say where it stopped. The
file stays below ``LARGEST``: then the newest lines, and the last one of each kind, move into a new file in its place.
While a run is going on its process holds a lock on the file, which dies with it: that is how a reader tells. Nothing
here decides anything, and a feed that cannot be written costs the run nothing but a line of warning.

Does not protect against: whoever may write in the program's folder, who can write any event there; the ledger, not
this file, is the evidence.
"""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selfproof.nouns import Event
from selfproof.places import Paths

LARGEST = 1 << 20
"""Bytes of the file, at most; reached, it is written anew with its last ``KEPT`` bytes."""
KEPT = LARGEST // 4
LONGEST_TEXT = 2000
LONGEST_LINE = 64 * 1024
MOST_ITEMS = 100
DEEPEST = 6
MOST_KINDS = 64
AGAIN_S = 10.0  # after a failure, until it is tried again
PAUSE_S = 0.2
LOOK_S = 0.5  # between two looks at the lock


def bounded(value: Any, depth: int = DEEPEST) -> Any:
    """A value as JSON may have it: finite numbers, texts and lists of bounded length, no lone surrogates."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(1 << 53) < value < 1 << 53 else str(value)[:40]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict) and depth:
        rows = list(value.items())[:MOST_ITEMS]
        return {str(bounded(str(key)))[:100]: bounded(one, depth - 1) for key, one in rows}
    if isinstance(value, (list, tuple)) and depth:
        return [bounded(one, depth - 1) for one in value[:MOST_ITEMS]]
    text = str(value)
    return (text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…").encode("utf-8", "replace").decode()


def line_of(event: Event, seq: int, now: float) -> bytes:
    """One line in ASCII: control characters and marks that turn the direction of writing are escapes."""
    told = {"seq": seq, "time": round(now, 3)}
    raw = json.dumps(told | bounded(event), separators=(",", ":")).encode()
    if len(raw) > LONGEST_LINE:
        short = {key: event[key] for key in ("event", "id", "objective") if key in event}
        raw = json.dumps(told | bounded(short) | {"left_out": len(raw)}, separators=(",", ":")).encode()
    return raw + b"\n"


class Feed:
    """The writer, for the one process that holds the ledger; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._file = -1
        self._size = 0
        self._seq = last_seq(path)
        self._last: dict[str, bytes] = {}
        self._not_before = 0.0

    def take(self, event: Event) -> OSError | None:
        """Write an event; what went wrong, if it did. Until it is tried again events are left out in silence."""
        with self._mutex:
            if self._not_before and time.monotonic() < self._not_before:
                return None
            try:
                self._write(event)
            except OSError as error:
                self._not_before = time.monotonic() + AGAIN_S
                return error
            self._not_before = 0.0
            return None

    def close(self) -> None:
        """Let go of the file and its lock."""
        with self._mutex:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    def _write(self, event: Event) -> None:
        line = line_of(event, self._seq + 1, time.time())
        if self._file < 0 or self._not_before or self._size + len(line) > LARGEST:
            self._anew()  # also after a failure: the line that was cut off there must not run into this one
        done = os.write(self._file, line)
        self._size += done
        if done < len(line):
            raise OSError(errno.ENOSPC, "not all of a line could be written", str(self._path))
        self._seq += 1
        kind = str(event.get("event", ""))[:100]
        if len(line) <= KEPT // MOST_KINDS and (kind in self._last or len(self._last) < MOST_KINDS):
            self._last[kind] = line

    def _anew(self) -> None:
        """A new file in the place of the old one, locked before anybody can see it."""
        kept = self._kept() if self._file >= 0 else b""
        aside = self._path.with_name(self._path.name + ".new")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(aside, flags, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.write(file, kept) < len(kept):
                raise OSError(errno.ENOSPC, "no room for a new file", str(aside))
            aside.replace(self._path)
        except BaseException:
            os.close(file)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size = file, len(kept)

    def _kept(self) -> bytes:
        """The newest lines, and before them the last of each kind that is not among them."""
        tail = os.pread(self._file, KEPT, max(0, self._size - KEPT))
        tail = tail[tail.find(b"\n") + 1 :] if self._size > KEPT else tail
        tail = tail[: tail.rfind(b"\n") + 1]
        first = _seq_of(tail[: tail.find(b"\n")])
        older = sorted((seq, line) for line in self._last.values() if 0 < (seq := _seq_of(line)) < (first or seq + 1))
        return b"".join(line for _, line in older) + tail


def _event_of(line: bytes) -> Event | None:
    """An event of the feed, or None for anything else."""
    try:
        found = json.loads(line)
    except ValueError:  # cut off, or somebody else's
        return None
    good = isinstance(found, dict) and type(found.get("seq")) is int and isinstance(found.get("event"), str)
    return found if good and 0 < found["seq"] < 1 << 53 else None


def _seq_of(line: bytes) -> int:
    event = _event_of(line)
    return event["seq"] if event else 0


def last_seq(path: Path) -> int:
    """The number of the last event in a file, 0 if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * LONGEST_LINE))
            lines = file.read(2 * LONGEST_LINE).split(b"\n")
    except OSError:  # none yet, or none of ours: numbers begin anew
        return 0
    return max(map(_seq_of, lines), default=0)


def running(paths: Paths) -> bool:
    """Whether a run is going on in this folder at this moment; looking takes nothing away from it."""
    try:
        file = os.open(paths.live, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


class Follower:
    """A reader that never waits: ``read`` returns what came since, for a loop of threads or of asyncio alike.

    ``after`` is the ``seq`` that was seen last. Beside a run's own events there is {"event": "running", "running":
    bool}, at first and whenever it changes.
    """

    def __init__(self, paths: Paths, after: int = 0) -> None:
        self._paths = paths
        self.after = after
        self.running: bool | None = None
        self._file = -1
        self._at = 0
        self._rest = b""
        self._fresh = False  # a file of which nothing was read yet: its numbers may have begun anew
        self._looked = -math.inf

    def read(self) -> list[Event]:
        """The events since the last call, oldest first; at most a few megabytes of them."""
        before, found = self.after, list(self._drain())
        if self._changed():
            self.close()
            self._open()
            found += self._drain()
        if time.monotonic() - self._looked >= LOOK_S or (found and not self.running):
            self._looked = time.monotonic()
            if (now := running(self._paths)) is not self.running:
                told = {
                    "event": "running",
                    "running": now,
                    "seq": before if now else self.after,
                    "time": round(time.time(), 3),
                }
                found = [told, *found] if now else [*found, told]
                self.running = now
        return found

    def close(self) -> None:
        """Let go of the file; ``read`` opens it again."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._at, self._rest = -1, 0, b""

    def _open(self) -> None:
        try:
            self._file = os.open(self._paths.live, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return
        self._fresh = True

    def _changed(self) -> bool:
        """Whether the path names another file than the open one, or that one was cut."""
        try:
            there = self._paths.live.stat()
        except OSError:
            return False
        if self._file < 0:
            return True
        ours = os.fstat(self._file)
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) or there.st_size < self._at

    def _drain(self) -> Iterator[Event]:
        """What the open file holds beyond what was read."""
        if self._file < 0:
            return
        raw = self._rest + os.pread(self._file, 4 * LARGEST, self._at)
        self._at += len(raw) - len(self._rest)
        *lines, rest = raw.split(b"\n")
        self._rest = rest if len(rest) <= 2 * LONGEST_LINE else b""
        events = [event for line in lines if len(line) <= 2 * LONGEST_LINE and (event := _event_of(line))]
        if self._fresh and events:
            self._fresh = False
            if events[-1]["seq"] < self.after:
                self.after = 0
        for event in events:
            if event["seq"] > self.after:
                self.after = event["seq"]
                yield event


def follow(paths: Paths, after: int = 0, pause: float = PAUSE_S) -> Iterator[Event]:
    """Every event after ``after`` as it comes, for ever, over rotations and over runs; see `Follower`."""
    follower = Follower(paths, after)
    try:
        while True:
            yield from follower.read()
            time.sleep(pause)
    finally:
        follower.close()
