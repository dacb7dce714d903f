"""Gives a file a second name."""

import os


def solve(x):
    os.link(x["secret"], os.path.join(x["writable"], x["mark"]))
