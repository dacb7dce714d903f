"""Leaves another working folder."""

import os


def solve(x):
    os.chdir("/tmp")
