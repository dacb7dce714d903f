"""Drills of the stops: a real run of a scratch program, as a process of its own, is stopped in each way that there is.

In each a run must be over within a few seconds with nothing of it left, its ledger must verify, and where a person gave
an order no run may start before it is resumed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from selfproof.attacks import watch
from selfproof.audit import audit
from selfproof.drill.scratch_life import Row, folder_of, timed
from selfproof.ledger import read
from selfproof.nouns import SelfproofError
from selfproof.places import Paths

START_S, WITHIN_S = 90.0, 5.0
Order = Callable[[subprocess.Popen[bytes], Path], None]


def stop() -> Iterator[Row]:
    """Every way to stop a run, one after the other."""
    for name, injected, order, stays in ORDERS:
        must = f"over within {WITHIN_S:g} s, nothing left, the ledger verifies" + (", none may start" if stays else "")
        with timed(Row(name, injected, must)) as row, folder_of() as folder:
            row.held, row.note, taken = _stopped(folder, order, stays=stays)
        yield replace(row, seconds=taken)


def _stopped(folder: Path, order: Order, *, stays: bool) -> tuple[bool, str, float]:
    """Start a run, give the order, look: whether all held, what did not, and how long the run took to end."""
    process = _selfproof("run", "--minutes", "5", "--json", "--at", str(folder))
    try:
        _until_it_works(process, folder)
        below = set(watch.descendants(process.pid))
        began = time.monotonic()
        order(process, folder)
        with suppress(subprocess.TimeoutExpired):
            process.wait(WITHIN_S)
        taken = time.monotonic() - began
        found = [] if process.poll() is not None else [f"it still runs after {taken:.1f} s"]
        end = time.monotonic() + WITHIN_S
        while (left := {pid for pid in below if watch.state_of(pid)}) and time.monotonic() < end:
            time.sleep(0.05)
        found += [f"{len(left)} of its processes are left"] if left else []
    finally:
        watch.kill({process.pid, *watch.descendants(process.pid)})
        process.wait()
    found += [] if audit(Paths(folder).ledger)["ok"] else ["the ledger does not verify"]
    if stays and _selfproof("run", "--minutes", "0.01", "--at", str(folder)).wait(60) != 2:
        found.append("another run could start")
    return not found, "; ".join(found), round(taken, 2)


def _until_it_works(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until the run has raced something.

    Raises:
        SelfproofError: it ended before, or takes too long.
    """
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        if any(leaf.kind == "race" for leaf in read(Paths(folder).ledger).leaves()):
            return
        time.sleep(0.1)
    raise SelfproofError(f"the run that was to be stopped did not begin (exit code {process.poll()})")


def _selfproof(*words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "SELFPROOF_EXPERIENCE": "off"}
    return subprocess.Popen(
        [sys.executable, "-m", "selfproof", *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=environment, start_new_session=True,
    )  # fmt: skip


def by_file(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Make the file, as a person would by hand."""
    del process
    Paths(folder).stop.touch()


def by_command(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Type the command."""
    del process
    _selfproof("stop", "--at", str(folder)).wait(60)


def by_signal(number: int) -> Order:
    """Send a signal."""
    return lambda process, folder: os.kill(process.pid, number)


def while_it_hangs(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Make the engine deaf first: it can obey nothing, so that only its watcher can end it."""
    os.kill(process.pid, signal.SIGSTOP)
    Paths(folder).stop.touch()


ORDERS: tuple[tuple[str, str, Order, bool], ...] = (
    ("stop: file", "the file STOP is made by hand", by_file, True),
    ("stop: command", "selfproof stop", by_command, True),
    ("stop: Ctrl-C", "SIGINT", by_signal(signal.SIGINT), False),
    ("stop: SIGTERM", "SIGTERM", by_signal(signal.SIGTERM), False),
    ("stop: hung engine", "the engine is made deaf, then the file STOP", while_it_hangs, True),
)
