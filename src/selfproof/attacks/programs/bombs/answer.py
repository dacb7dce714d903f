"""Answers with 20 MB."""


def solve(x):
    return bytes(20 << 20)
