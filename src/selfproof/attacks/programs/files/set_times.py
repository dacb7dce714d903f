"""Changes when a file was last written."""

import os


def solve(x):
    os.utime(x["secret"], (0, 0))
