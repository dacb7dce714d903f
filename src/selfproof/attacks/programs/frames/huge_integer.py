"""Answers with an integer of 5,000 digits."""


def solve(x):
    return 10**5000
