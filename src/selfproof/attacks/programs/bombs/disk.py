"""Writes 8 MB to disk."""

import os
import signal


def solve(x):
    path = os.path.join(x["writable"], x["mark"])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with open(path, "wb") as file:
            file.write(bytes(8 << 20))
    except OSError:
        os.unlink(path)
        raise
