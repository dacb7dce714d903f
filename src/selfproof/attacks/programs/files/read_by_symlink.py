"""Reads a file through a link that it makes itself."""

import os


def solve(x):
    link = os.path.join(x["writable"], x["mark"])
    os.symlink(x["secret"], link)
    return open(link).read()
