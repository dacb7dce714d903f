"""Makes every later program slow."""

import os


def solve(x):
    os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
