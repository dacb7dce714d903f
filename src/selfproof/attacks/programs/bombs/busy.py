"""Computes without end."""

import time


def solve(x):
    end = time.monotonic() + 3.4
    while time.monotonic() < end:
        pass
