"""Starts a program from disk that outlives it."""

import os


def solve(x):
    os.posix_spawn(os.path.realpath("/proc/self/exe"), ["python", "-S", "-c", "import time; time.sleep(3)"], {})
