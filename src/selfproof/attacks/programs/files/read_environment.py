"""Reads the engine's environment."""


def solve(x):
    return open(f"/proc/{x['engine']}/environ", "rb").read()
