"""Run a command for a limited time with limited output, and leave no process of it behind.

The command gets a session of its own; its whole process group is killed when it has ended, when its time is up, when
it printed or wrote too much, and when somebody asks. A process that has left the group is found by a variable of its
environment. Exit is noticed without reaping, so that the group's number cannot be anybody else's when it is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

MARK: Final = "SELFPROOF_AGENT"
_TICK_S: Final = 0.05
_SWEEP_S: Final = 2.0
_LONGEST_LINE: Final = 64 * 1024


@dataclass(frozen=True)
class Bounds:
    """What one run may use: seconds, printed bytes, bytes and files in its scratch folder."""

    seconds: float
    printed: int = 64 << 20
    disk: int = 512 << 20
    files: int = 50_000


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code (below 0: a signal), why it was cut off ("" if it was not), and what it printed.

    ``out`` and ``err`` are the last 4 MiB and 64 KiB.
    """

    code: int
    cut: str
    out: str
    err: str
    seconds: float


class Tail:
    """The last bytes of a stream, and its lines as they come."""

    def __init__(self, keep: int, told: Callable[[str], None]) -> None:
        self._keep, self._told = keep, told
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._line = b""

    def take(self, data: bytes) -> None:
        """Add what was read."""
        self._parts.append(data)
        self._held += len(data)
        while self._parts and self._held - len(self._parts[0]) >= self._keep:
            self._held -= len(self._parts.popleft())
        *lines, rest = (self._line + data).split(b"\n")
        self._line = rest[-_LONGEST_LINE:]
        for line in lines[-20:]:
            self._told(line.decode(errors="replace"))

    @property
    def text(self) -> str:
        """What is kept."""
        return b"".join(self._parts)[-self._keep :].decode(errors="replace")


class Running:
    """One run of a command. ``stop`` may be called from any thread, at any time, more than once."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End it now."""
        self._stopped.set()

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], bounds: Bounds,
        *, size: Callable[[], tuple[int, int]], told: Callable[[str], None],
    ) -> Ended:  # fmt: skip
        """Run it to its end. ``size`` gives bytes and files of its folder, ``told`` is called with each line.

        Raises:
            OSError: it cannot be started.
        """
        mark = os.urandom(8).hex()
        began = time.monotonic()
        process = subprocess.Popen(
            list(words), cwd=cwd, env={**env, MARK: mark}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        out, err = Tail(4 << 20, told), Tail(64 << 10, told)
        try:
            cut = self._watch(process, {process.stdout: out, process.stderr: err}, bounds, size)
        finally:
            _kill_group(process.pid)
            code = process.wait()
            _sweep(mark)
            process.stdout.close()
            process.stderr.close()
        return Ended(code, cut, out.text, err.text, time.monotonic() - began)

    def _watch(
        self, process: subprocess.Popen[bytes], pipes: Mapping[IO[bytes], Tail], bounds: Bounds,
        size: Callable[[], tuple[int, int]],
    ) -> str:  # fmt: skip
        """Read until it ends or must end; returns why it must, "" if it ended by itself."""
        deadline, next_look, printed = time.monotonic() + bounds.seconds, 0.0, 0
        with selectors.DefaultSelector() as selector:
            for pipe, tail in pipes.items():
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, tail)
            while True:
                gone = _has_ended(process.pid)
                printed += _read(selector, 0.0 if gone else _TICK_S)
                now = time.monotonic()
                if printed > bounds.printed:
                    return f"it printed more than {bounds.printed >> 20} MB"
                if gone:
                    return ""
                if self._stopped.is_set():
                    return "stopped"
                if now > deadline:
                    return f"it was cut off after {bounds.seconds:.0f} s"
                if now > next_look:
                    held, files = size()
                    if held > bounds.disk or files > bounds.files:
                        return f"it wrote {held >> 20} MB in {files:,} files"
                    next_look = time.monotonic() + max(0.25, 20 * (time.monotonic() - now))


def _read(selector: selectors.BaseSelector, wait: float) -> int:
    """Read what is there, at most 1 MiB of each pipe; returns how much. Pipes that are shut are let go of."""
    if not selector.get_map():
        time.sleep(wait)
        return 0
    total = 0
    for key, _ in selector.select(wait):
        for _turn in range(16):
            try:
                data = os.read(key.fd, 1 << 16)
            except BlockingIOError:
                break
            if not data:
                selector.unregister(key.fileobj)
                break
            key.data.take(data)
            total += len(data)
    return total


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it stays a zombie, so its number stays its own."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _sweep(mark: str) -> None:
    """Kill every process whose environment has the mark: what left the group, and what it starts meanwhile."""
    wanted = f"{MARK}={mark}".encode()
    deadline = time.monotonic() + _SWEEP_S
    while time.monotonic() < deadline:
        found = False
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)
                    found = True
            except OSError:
                continue  # not ours, or gone
        if not found:
            return
        time.sleep(0.01)
