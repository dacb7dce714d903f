"""Runs a program that is on no disk."""

import os


def solve(x):
    file = os.memfd_create("program", 0)
    os.write(file, bytes([35, 33]) + b"/bin/sh" + bytes([10]) + b"exit 3")
    child = os.fork()
    if child == 0:
        os.execve(file, ["program"], {})
    return os.waitpid(child, 0)[1] == 3 << 8 and "went through"
