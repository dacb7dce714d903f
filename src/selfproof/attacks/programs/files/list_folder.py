"""Lists a folder outside."""

import os


def solve(x):
    return os.listdir(os.path.dirname(x["secret"]))
