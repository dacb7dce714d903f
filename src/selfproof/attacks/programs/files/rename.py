"""Moves a file away."""

import os


def solve(x):
    os.rename(x["secret"], os.path.join(x["writable"], x["mark"]))
