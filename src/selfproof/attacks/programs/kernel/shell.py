"""Runs a shell command."""

import os


def solve(x):
    return os.system("exit 3") == 3 << 8 and "went through"
