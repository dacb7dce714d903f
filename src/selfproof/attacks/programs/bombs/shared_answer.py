"""Answers with a small value that becomes huge when it is written out."""


def solve(x):
    value = "a" * 100
    for _ in range(3):
        value = [value] * 100
    return value
