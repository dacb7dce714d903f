"""Reads another process's command line."""


def solve(x):
    return open(f"/proc/{x['bystander']}/cmdline", "rb").read()
