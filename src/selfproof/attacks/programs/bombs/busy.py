"""Computes without end."""

import time


def solve(x):
    end = time.monotonic() + 4
    while time.monotonic() < end:
        pass
