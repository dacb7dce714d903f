"""Changes a file through memory that is mapped to it."""

import mmap


def solve(x):
    with open(x["secret"], "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[0] = 0
