"""Kills the engine."""

import os
import signal


def solve(x):
    os.kill(x["engine"], signal.SIGKILL)
