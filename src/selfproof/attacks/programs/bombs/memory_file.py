"""Writes 8 MB to a file that exists only in memory."""

import os


def solve(x):
    file = os.memfd_create(x["mark"])
    os.write(file, bytes(8 << 20))
    os.close(file)
    return "went through"
