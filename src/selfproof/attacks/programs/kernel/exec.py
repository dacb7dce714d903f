"""Becomes another program."""

import os


def solve(x):
    child = os.fork()
    if child == 0:
        os.execv("/proc/self/exe", ["python", "-S", "-c", "raise SystemExit(3)"])
    return os.waitpid(child, 0)[1] == 3 << 8 and "went through"
