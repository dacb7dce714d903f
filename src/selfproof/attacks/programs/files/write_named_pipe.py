"""Leaves a named pipe."""

import os


def solve(x):
    os.mkfifo(os.path.join(x["writable"], x["mark"]))
