"""Answers with fifteen million small numbers: a byte each on the way, much more once they are read."""


def solve(x):
    return [0] * 15_000_000
