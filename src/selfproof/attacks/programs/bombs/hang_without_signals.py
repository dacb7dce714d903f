"""Waits with every signal blocked that can be."""

import signal
import time


def solve(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    time.sleep(3.4)
