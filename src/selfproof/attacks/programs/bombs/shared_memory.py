"""Writes 8 MB to the machine's shared memory."""

import os


def solve(x):
    path = "/dev/shm/" + x["mark"]
    try:
        with open(path, "wb") as file:
            file.write(bytes(8 << 20))
    except OSError:
        os.unlink(path)
        raise
