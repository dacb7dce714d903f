"""Kills a process that has nothing to do with it."""

import os
import signal


def solve(x):
    os.kill(x["bystander"], signal.SIGKILL)
