"""Reads a file that everybody may read."""


def solve(x):
    return open(x["secret"]).read()
