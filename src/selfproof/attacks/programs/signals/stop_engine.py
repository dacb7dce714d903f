"""Stops the engine for ever."""

import os
import signal


def solve(x):
    os.kill(x["engine"], signal.SIGSTOP)
