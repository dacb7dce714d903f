"""Makes a folder in /tmp."""

import os


def solve(x):
    os.mkdir("/tmp/" + x["mark"])
