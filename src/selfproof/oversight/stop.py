"""Stop: an order that lies in a file, a signal, a spent budget; and the watcher that sees to it (``watcher``).

An order is a file beside the charter, which anybody who may write there can leave, with a tool or by hand; a copy lies
in the private folder, so that taking the first away takes nothing back. The engine asks between any two jobs whether it
should end. A run without a living watcher ends too.

Does not protect against: somebody who may not write into the program's folder, and may not signal the engine either.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.oversight import watcher
from selfproof.places import Paths

ORDERED = "stop file"
GRACE_S = 120.0
ORDERED_S = 1.0
"""Seconds that an engine has to end in order when it is told to stop; then its watcher ends it."""

GUEST_S = 20.0
"""The same where the engine is a guest in somebody else's process (``selfproof.improve``), which would end with it."""

SILENT_S = 15.0
"""Without a sign of life from the watcher, after which a run ends."""

LARGEST = 500  # characters of a reason


def order(paths: Paths, by: str, reason: str) -> None:
    """Stop the program in this folder, and keep it stopped until it is resumed: anybody may.

    A run that is going on ends within two seconds, in order or by its watcher's hand.

    Raises:
        OSError: the order could not be left at all.
    """
    told = {"by": by[:LARGEST], "reason": reason[:LARGEST], "at": rfc3339(utc_now())}
    aside = paths.stop.with_name(f".stop-{secrets.token_hex(4)}.new")
    try:
        try:
            aside.write_text(json.dumps(told) + "\n", "utf-8")
            with contextlib.suppress(OSError):  # not ours to write into: the engine and its watcher can
                paths.halts.mkdir(mode=0o700, exist_ok=True)
                shutil.copy2(aside, paths.halts / aside.name[1:-4])
            aside.replace(paths.stop)
        finally:
            aside.unlink(missing_ok=True)
    except OSError:  # a full disk still takes an empty file
        os.close(os.open(paths.stop, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))


class Stop:
    """Why the run should end, if it should: ``reason`` is None while it may go on.

    ``seconds`` is the wall clock from now on, ``file`` a path whose existence stops everything.
    """

    def __init__(self, file: Path, seconds: float) -> None:
        self._file = file
        self._begin = time.monotonic()
        self._seconds = seconds
        self._signalled: str | None = None
        self._over: str | None = None
        self._watcher: Watcher | None = None

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._seconds - (time.monotonic() - self._begin))

    @property
    def reason(self) -> str | None:
        """ "interrupted", "stop file", "its watcher ended", "enough" (or what else it was told), "time"; None."""
        if self._signalled:
            return self._signalled
        if os.path.lexists(self._file):
            return ORDERED
        if self._watcher is not None and not self._watcher.is_alive():
            return "its watcher ended"
        if self._over:
            return self._over
        return "time" if self.left <= 0 else None

    @property
    def urgent(self) -> bool:
        """Whether it must end now: a person wants it, or it takes a quarter longer than allowed, or GRACE_S."""
        late = time.monotonic() - self._begin > self._seconds + max(GRACE_S, self._seconds / 4)
        return late or bool(self._signalled) or self.reason in {ORDERED, "its watcher ended"}

    def extend(self, seconds: float) -> None:
        """Allow this much time from now on, for what comes after the loop."""
        self._begin, self._seconds, self._over = time.monotonic(), seconds, None

    def credit(self, seconds: float) -> None:
        """Not count so much of the time that has gone by."""
        self._begin += seconds

    def enough(self, why: str = "enough") -> None:
        """End as if the time were used up: what was wanted of this run is there, or a ceiling is reached."""
        self._over = self._over or why

    def interrupt(self, why: str = "interrupted") -> None:
        """End as soon as the current step is safe."""
        self._signalled = self._signalled or why

    @contextmanager
    def watched(self, paths: Paths, *, guest: bool) -> Iterator[None]:
        """Within this block a process of its own sees to it that an order is obeyed."""
        self._watcher = Watcher(paths, GUEST_S if guest else ORDERED_S)
        try:
            yield
        finally:
            self._watcher.close(leave=not guest)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within this block the first Ctrl-C or SIGTERM asks for an orderly end; the second ends at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            del frame
            if self._signalled:
                raise KeyboardInterrupt
            self.interrupt()
            signal.signal(number, handle)

        old = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)


class Watcher:
    """A running watcher, as its engine has it; close it."""

    def __init__(self, paths: Paths, grace: float) -> None:
        """Start it. Raises OSError."""
        words = [str(os.getpid()), *(str(p.absolute()) for p in (paths.stop, paths.halts)), str(grace)]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", watcher.__file__, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            cwd="/", env={}, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._told, self._heard = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.read(self._heard, 1)  # it looks from now on
        os.set_blocking(self._heard, False)
        os.set_blocking(self._told, False)
        with contextlib.suppress(OSError):  # a full disk; it tells others who to wait for, and nothing rests on it
            started = watcher.processes()[os.getpid()][2]
            paths.running.write_text(json.dumps({"engine": os.getpid(), "started": started}) + "\n", "utf-8")
        self._running = paths.running
        self._last, self._asked = time.monotonic(), -math.inf
        self._before: int | None = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)

    def is_alive(self) -> bool:
        """Whether it was heard lately; asked of the system twice a second at most."""
        now = time.monotonic()
        if now - self._asked > watcher.SCAN_S / 2:
            self._asked = now
            with contextlib.suppress(BlockingIOError):
                self._last = now if os.read(self._heard, 4096) else -math.inf
        return now - self._last < SILENT_S

    def close(self, *, leave: bool) -> None:
        """End it, or leave it: until this process is gone, for whatever that leaves behind."""
        self._running.unlink(missing_ok=True)
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        if not leave:
            self._process.kill()
            self._process.communicate()
