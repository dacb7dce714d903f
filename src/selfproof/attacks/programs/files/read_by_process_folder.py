"""Reads a file through another process's working folder."""


def solve(x):
    return open(f"/proc/{x['bystander']}/cwd/secret").read()
