"""The warm process inside the jail: load the libraries once, lock in, then fork once per candidate.

It never reads a candidate's source or output: it forks, waits for the word to end, kills and reports what the
kernel counted. In the `jail` tier it is PID 1 of its namespace, so that `kill(-1)` is a complete end of
whatever a candidate left behind; in the `confined` tier candidates cannot fork, so that ending the child is.

Does not protect against:
- a candidate that leaves the namespace through a bug of the kernel.
- a thread that still runs when processor time is read: the kernel has counted it up to its last tick (1 to 10 ms).
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Final, NoReturn

from selfproof.grants import BROKER_PORT, SCRATCH, Grants
from selfproof.jail import answering, child, frames, kernel

_GRACE_S: Final = 0.2
_LEFT_MOST: Final = 4096  # files that are taken away after a job; with more the whole worker is replaced
_STOPPED: Final = signal.SIGSTOP << 8 | 0x7F  # the wait status of a process that was stopped, perhaps from outside
_WHOLE_PROCESS: Final = 2  # clock of another process: CPUCLOCK_SCHED without the bit for a single thread
_STANDARD: Final = """
array ast base64 bisect cProfile cmath collections collections.abc concurrent.futures.thread contextlib copy
dataclasses datetime decimal difflib encodings.ascii encodings.latin_1 enum fractions functools hashlib heapq
inspect io itertools json linecache math numbers operator pprint queue random re statistics string struct
textwrap threading time tokenize traceback types typing unicodedata warnings weakref zlib selfproof.operators
"""
_ALONG: Final = {"numpy": ("numpy.random", "numpy.linalg", "numpy.fft")}  # NumPy >= 2 loads these lazily


def main() -> NoReturn:
    """Read the settings from the control socket (descriptor 0), lock in, serve until the engine is gone."""
    with socket.socket(fileno=fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, child.OUT + 1)) as control:
        null = os.open(os.devnull, os.O_RDWR)
        for reserved in (child.IN, child.OUT):  # so that nothing else is ever given these
            os.dup2(null, reserved)
        settings = json.loads(control.recv(1 << 20))
        sys.argv[1:] = []
        _preload(settings["preload"])
        rules = child.Rules(settings["own_uid"], frozenset(settings["without"]), Grants.parse(settings["grants"]))
        report, listener = _lock_in(settings, rules)
        kernel.seccomp_program(rules.grants)  # compiled once, here
        os.dup2(null, child.NOWHERE)
        _point(*[child.NOWHERE] * 3)
        gc.collect()
        gc.freeze()  # so that no collection in a child touches, and thereby copies, the shared pages
        socket.send_fds(control, [json.dumps(report).encode()], [part.fileno() for part in listener])
        for part in listener:
            part.close()
        _serve(control, rules)
    os._exit(0)


def _point(incoming: int, outgoing: int, log: int) -> None:
    """Put descriptors where the next child will look for them."""
    for target, source in (
        (child.IN, incoming), (child.OUT, outgoing), (child.LOG, log), (child.COMPLAINTS, log)
    ):  # fmt: skip
        os.dup2(source, target)


def _preload(names: list[str]) -> None:
    """Import what candidates may use, so that a fork has it. Raises ImportError for a name asked for."""
    for name in names:
        for module in (name, *_ALONG.get(name, ())):
            importlib.import_module(module)
    for name in _STANDARD.split():
        with contextlib.suppress(ImportError):  # a candidate that imports it will be told
            importlib.import_module(name)
    answering.warm_up()
    answering.settle_numpy()  # once here, so that it costs no child the pages that it touches


def _lock_in(settings: dict[str, Any], rules: child.Rules) -> tuple[dict[str, int], list[socket.socket]]:
    """Give up all that is not needed; return the report and, with a network granted, its socket in here."""
    without, grants = rules.without, rules.grants
    ruleset, abi = (-1, 0)
    if "landlock" not in without:
        ruleset, abi = kernel.landlock_rules(settings["rules"], BROKER_PORT if grants.network else None)
    report = {"landlock": abi, "netns": not _answers(settings["beacon"])}
    listener = [socket.create_server(("127.0.0.1", BROKER_PORT))] if grants.network else []
    uid = settings["uid"]
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if "rlimits" not in without:
        child.limit_all(rules)
    if not {"landlock", "seccomp"} <= without:
        kernel.no_new_privileges()
    if "landlock" not in without:
        kernel.landlock_restrict(ruleset)
    # The change of uid cleared this. A parent that is gone, or may not signal this uid (bubblewrap when
    # root started it), shows as the end of the control socket instead.
    kernel.die_with_parent()
    if "nondumpable" not in without:
        kernel.not_dumpable()
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return report, listener


def _answers(beacon: str) -> bool:
    """Tell whether an abstract socket of the engine can be reached: then the network is shared."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(f"\0{beacon}") == 0


def _serve(control: socket.socket, rules: child.Rules) -> None:
    server = os.getpid()
    while True:
        order, pipes, _, _ = socket.recv_fds(control, frames.RUN.size, 3)
        if not order:
            return
        _point(*pipes)  # here, where it costs no copied pages
        candidate = os.fork()
        if candidate == 0:
            child.main(server, frames.RUN.unpack(order), rules)
        _point(*[child.NOWHERE] * 3)
        for pipe in pipes:
            os.close(pipe)
        while (end := control.recv(1)) == frames.CLOCK:
            control.send(frames.SPENT.pack(time.clock_gettime(~candidate << 3 | _WHOLE_PROCESS)))
        report = _end(candidate, rules, patient=end == frames.END_SOON)
        if not end:
            return
        control.send(report)


def _end(candidate: int, rules: child.Rules, *, patient: bool) -> bytes:
    """End the candidate and all it may have started; return the packed ENDED record."""
    done, reap = False, "reap" not in rules.without
    if patient:
        descriptor = os.pidfd_open(candidate)
        done = bool(select.select([descriptor], [], [], _GRACE_S)[0])
        os.close(descriptor)
    seen = os.waitid(os.P_PID, candidate, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1 if reap and os.getpid() == 1 else candidate, signal.SIGKILL)
    _, status, usage = os.wait4(candidate, 0)
    stragglers, user, system = 0, usage.ru_utime, usage.ru_stime
    with contextlib.suppress(ChildProcessError):
        while (orphan := os.wait4(-1, 0 if reap else os.WNOHANG))[0]:
            stragglers += not rules.grants.subprocesses
            user, system = user + orphan[2].ru_utime, system + orphan[2].ru_stime
    if rules.grants.scratch_mb:
        stragglers += not _emptied(SCRATCH)  # what cannot be taken away is as suspicious as a process
    status = _STOPPED if seen and seen.si_code == os.CLD_STOPPED else status
    return frames.ENDED.pack(status, user, system, usage.ru_maxrss, stragglers, not done)


def _emptied(folder: str) -> bool:
    """Take away what a candidate left; False if it was too much, or could not be taken away.

    All that ran is dead by now; names are removed below open folders, so that no link leads anywhere else.
    """
    removed = 0
    try:
        for _, folders, files, descriptor in os.fwalk(folder, topdown=False):
            removed += len(folders) + len(files)
            if removed > _LEFT_MOST:
                return False
            for name in files:
                os.unlink(name, dir_fd=descriptor)
            for name in folders:
                with contextlib.suppress(NotADirectoryError):  # a link to a folder: what is left shows below
                    os.rmdir(name, dir_fd=descriptor)
        with os.scandir(folder) as entries:
            return not any(entries)
    except (OSError, RecursionError):
        return False
