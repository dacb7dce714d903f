"""Sleeps and ignores every signal that asks it to end."""

import signal
import time


def solve(x):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(3.4)
