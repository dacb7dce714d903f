"""Becomes root again, if it can, and reads a file that only its owner may read."""

import os


def solve(x):
    try:
        os.setresuid(0, 0, 0)
    except OSError:
        pass
    return open(x["private"]).read()
