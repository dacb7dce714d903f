"""A program that tries to get out. Its source is sent into every new worker as the first job; nothing else
runs it.

It answers with what it found, as plain data; `ladder` compares that with what the tier promises.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
from collections.abc import Callable
from functools import partial


def probe(paths: list[str]) -> dict[str, object]:
    """Try what must fail; `paths` exist outside and must not open."""
    from selfproof.jail import kernel

    locked, filtered, closed = kernel.lock_state()
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return {
        "opened": [path for path in paths if _works(partial(_open, path))],
        "seen": [path for path in paths if os.path.lexists(path)],
        "listed": _works(lambda: os.scandir("/").close()),
        "socket": _works(lambda: socket.socket(socket.AF_INET).close()),
        "fork": _works(_fork),
        "kill": _works(lambda: os.kill(os.getppid(), 0)),
        "no_new_privs": locked,
        "seccomp": filtered,
        "not_dumpable": closed,
        "uid": os.getuid(),
        "parent": os.getppid(),
        "limits": [resource.getrlimit(which)[0] for which in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)],
        # Last, for where it works, this process is somebody else afterwards.
        "unshare": unshare(0x10000000) == 0 or ctypes.get_errno() != errno.EPERM,
    }


def _works(action: Callable[[], object]) -> bool:
    try:
        action()
    except OSError:
        return False
    return True


def _open(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
