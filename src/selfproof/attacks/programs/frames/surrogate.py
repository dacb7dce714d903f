"""Answers with text that is no text."""


def solve(x):
    return chr(0xD800)
