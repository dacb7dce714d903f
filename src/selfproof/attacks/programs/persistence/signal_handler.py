"""Leaves a signal handler."""

import signal


def solve(x):
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
