"""Asks whether it may signal every process there is (and sends none)."""

import os


def solve(x):
    os.kill(-1, 0)
    return "went through"
