"""Opens a library that every program imports, for writing."""

import numpy


def solve(x):
    with open(numpy.__file__, "r+b"):
        return "went through"
