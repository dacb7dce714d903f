"""Makes another process wait for all others."""

import os


def solve(x):
    os.setpriority(os.PRIO_PROCESS, x["bystander"], 19)
