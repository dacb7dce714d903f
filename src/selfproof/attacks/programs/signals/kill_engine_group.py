"""Kills the engine's process group."""

import os
import signal


def solve(x):
    os.killpg(os.getpgid(x["engine"]), signal.SIGKILL)
