"""Reads a deleted file that another process still holds open."""


def solve(x):
    return open(f"/proc/{x['bystander']}/fd/0").read()
