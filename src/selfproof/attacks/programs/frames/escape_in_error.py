"""Raises an error whose text commands a terminal."""


def solve(x):
    raise RuntimeError(chr(27) + "[2J" + x["mark"])
