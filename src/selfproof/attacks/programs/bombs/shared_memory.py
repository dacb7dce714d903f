"""Writes 8 MB to the machine's shared memory."""

import os
import signal


def solve(x):
    path = "/dev/shm/" + x["mark"]
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with open(path, "wb") as file:
            file.write(bytes(8 << 20))
    except OSError:
        os.unlink(path)
        raise
