"""Ties the process that starts all programs to one processor."""

import os


def solve(x):
    os.sched_setaffinity(os.getppid(), {min(os.sched_getaffinity(0))})
