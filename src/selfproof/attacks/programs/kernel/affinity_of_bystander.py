"""Ties another process to one processor."""

import os


def solve(x):
    os.sched_setaffinity(x["bystander"], {min(os.sched_getaffinity(0))})
