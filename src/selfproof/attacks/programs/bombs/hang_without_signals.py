"""Computes with every signal blocked."""

import signal
import time


def solve(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    end = time.monotonic() + 3.4
    while time.monotonic() < end:
        pass
