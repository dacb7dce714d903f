"""Keys come from environment variables and are read in the broker's process alone; here is how, and how they go.

Does not protect against: other processes of the same account, and the shell that exported the keys.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Sequence

_KEPT = frozenset(
    {
        "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    }
)  # fmt: skip
_SHORTEST = 8
_PR_SET_DUMPABLE = 4


def first(names: Sequence[str]) -> str:
    """The first of these variables that is set and not empty, else ""."""
    return next((value.strip() for name in names if (value := os.environ.get(name, "")).strip()), "")


def reduce(prefixes: Iterable[str]) -> None:
    """Forget every variable but those that a network client needs, and those that begin with one of ``prefixes``."""
    wanted = tuple(prefixes)
    forget([name for name in os.environ if name not in _KEPT and not (wanted and name.startswith(wanted))])


def forget(names: Iterable[str]) -> None:
    """Take variables out of this process: out of what children get, and out of memory as far as that can be done.

    The text that the kernel keeps for /proc/PID/environ is overwritten where it stands, and so is Python's own copy.
    """
    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    for name in names:
        data = os.environb.get(name.encode())
        if data is None:
            continue
        place = library.getenv(name.encode())
        if place:
            ctypes.memset(place, 0, len(data))
        del os.environ[name]
        if sys.implementation.name == "cpython" and len(data) >= _SHORTEST:
            ctypes.memset(id(data) + bytes.__basicsize__ - 1, 0, len(data))


def lock_up() -> bool:
    """Let no other process of the account look into this one, and leave no core file; whether that worked."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return int(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)) == 0
    except (ImportError, OSError, AttributeError, ValueError):
        return False
