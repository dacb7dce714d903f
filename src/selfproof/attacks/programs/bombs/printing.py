"""Prints 100 MB."""

import os


def solve(x):
    for _ in range(100):
        os.write(1, b"a" * (1 << 20))
