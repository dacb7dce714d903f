"""The stop watcher: a process of its own that ends an engine, and all that it started, when somebody orders it.

It is started as a script, isolated, with the standard library alone, in a session of its own: nothing that an engine
has loaded or altered is in here. It looks for the stop file twenty times a second, and hears from the engine of signals
(the handler that writes them is C, so that an engine that hangs in a C loop is heard too). An engine that is told to
stop has a moment to end by itself. Then it is frozen, and what is below it is frozen until nothing new appears: from
there on nothing can be started and nothing can lose its parent. Then all of them are killed, the engine last. What an
engine started that died by itself is cleared away too.

Does not protect against: an engine altered so that it kills this process first, or that hands its work to a process
which is no descendant of its own; a process that left its family (an agent's daemon, where agents have no fence)
within the second before the order; a kernel that does not let a process die.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

TURN_S = 0.05
SCAN_S = 1.0
SIGNALLED_S = 10.0
"""What a signal leaves an engine to end in order. A stop order leaves it what the engine's command line said."""

SAFE = "nothing certified is lost"
LONGEST_S = 10.0
"""Of killing. Then the engine is killed whatever is left of its family."""

Family = dict[int, str]
"""Processes by their number, with the time that they were started: a number may be given away again."""


def processes() -> dict[int, tuple[int, str, str]]:
    """Every process of this machine that can be seen: (parent, state, started)."""
    found = {}
    for place in os.scandir("/proc"):
        if (name := place.name).isdecimal():
            with contextlib.suppress(OSError, IndexError, ValueError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                words = file.read().rpartition(b")")[2].split()
                found[int(name)] = int(words[1]), words[0].decode(), words[19].decode()
    return found


def family(engine: int, known: Family) -> Family:
    """All that descend from the engine, or from what is ``known`` to have done so, and live; not this process."""
    every = processes()
    roots = {pid for pid, started in known.items() if pid in every and every[pid][2] == started}
    inside, new = set(roots), {engine} | roots
    while new:
        new = {pid for pid, row in every.items() if row[0] in new and pid not in inside}
        inside |= new
    inside -= {os.getpid(), engine}
    return {pid: every[pid][2] for pid in inside if every[pid][1] not in "ZX"}


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to what may be gone."""
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def end_all(handle: int, engine: int, known: Family) -> None:
    """Freeze the engine and what is below it until nothing new appears; kill that; kill the engine (``handle``)."""
    deadline = time.monotonic() + LONGEST_S
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(handle, signal.SIGSTOP)
    frozen: Family = {}
    while new := {pid: at for pid, at in family(engine, known | frozen).items() if frozen.get(pid) != at}:
        for pid in new:
            send(pid, signal.SIGSTOP)
        frozen |= new
        if time.monotonic() > deadline:
            break
    while (left := family(engine, known | frozen)) and time.monotonic() < deadline:
        for pid in left:
            send(pid, signal.SIGKILL)
        frozen |= left
        time.sleep(TURN_S / 10)
    if select.select([handle], [], [], 0)[0]:
        return  # it had ended by itself, and waits for its parent: nobody ended it
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        shown = "\033[?25h\n" if os.isatty(2) else ""  # a live screen had hidden the cursor
        os.write(2, f"{shown}selfproof: told to stop, the run did not end by itself and was ended; {SAFE}\n".encode())


def ordered(stop: str, halts: str) -> bool:
    """Whether the stop file is there; that it was is kept, so that it cannot be taken back by removing it.

    It is not read: it may be a link to anything. What cannot be asked counts as an order.
    """
    try:
        changed = os.lstat(stop).st_mtime_ns
    except FileNotFoundError:
        return False
    except OSError:
        return True
    seen = f"{halts}/seen"
    with contextlib.suppress(OSError):  # a full disk: it is obeyed all the same
        with contextlib.suppress(FileExistsError):
            os.mkdir(halts, 0o700)  # noqa: PTH102
        with contextlib.suppress(FileNotFoundError):
            if os.lstat(seen).st_mtime_ns == changed:
                return True
        os.close(os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        os.utime(seen, ns=(changed, changed))
    return True


def watch(engine: int, stop: str, halts: str, grace: float) -> None:
    """Until the engine is gone: look, and do what is ordered."""
    handle = os.pidfd_open(engine)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(0, select.POLLIN)
    known: Family = {}
    until, looked = float("inf"), float("-inf")
    while True:
        for descriptor, _ in poll.poll(TURN_S * 1000):
            if descriptor == handle:
                return end_all(handle, engine, known)
            told = os.read(0, 4096)
            if not told:
                poll.unregister(0)
            if {signal.SIGINT, signal.SIGTERM} & set(told):
                until = min(until, time.monotonic() + SIGNALLED_S)
        now = time.monotonic()
        if ordered(stop, halts):
            until = min(until, now + grace)
        # With nothing below it an engine has neither signer nor workers: half as long again for its last words.
        if now >= until + grace / 2 or (now >= until and family(engine, known)):
            return end_all(handle, engine, known)
        if now - looked > SCAN_S:
            known, looked = family(engine, known), now
            with contextlib.suppress(OSError):  # nobody has read the last ones yet
                os.write(1, b".")


def main(words: list[str]) -> None:
    """Words: the engine's number, the stop file, the folder for copies of it, seconds that an order leaves."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # only some may
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    os.set_blocking(1, False)
    with contextlib.suppress(ProcessLookupError):  # an engine that was gone before anything was looked at
        watch(int(words[0]), words[1], words[2], float(words[3]))


if __name__ == "__main__":
    main(sys.argv[1:])
