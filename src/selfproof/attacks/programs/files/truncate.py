"""Cuts a file to nothing without opening it."""

import os


def solve(x):
    os.truncate(x["secret"], 0)
