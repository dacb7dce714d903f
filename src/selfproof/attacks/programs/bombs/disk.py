"""Writes 8 MB to disk."""

import os


def solve(x):
    with open(os.path.join(x["writable"], x["mark"]), "wb") as file:
        file.write(bytes(8 << 20))
