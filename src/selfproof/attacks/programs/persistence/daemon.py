"""Leaves a process in a session of its own, with no parent that would wait for it."""

import os
import time


def solve(x):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with open("/proc/self/comm", "w") as name:
                name.write(x["mark"])
            os.closerange(0, 64)
            time.sleep(3)
        os._exit(0)
    os.wait()
