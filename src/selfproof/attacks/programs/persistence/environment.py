"""Leaves an environment variable."""

import os


def solve(x):
    os.environ["ATK_LEFT"] = "1"
