"""Prints what commands a terminal."""


def solve(x):
    print(chr(27) + "]0;" + x["mark"] + chr(7) + chr(27) + "[2J", flush=True)
