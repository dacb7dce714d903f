"""Answers with 100 MB."""


def solve(x):
    return bytes(100 << 20)
