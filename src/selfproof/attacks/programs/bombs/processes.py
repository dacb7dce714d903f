"""Starts 60 processes."""

import os
import signal
import time


def solve(x):
    children = []
    try:
        while len(children) < 60:
            child = os.fork()
            if child == 0:
                time.sleep(3)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return "went through"
