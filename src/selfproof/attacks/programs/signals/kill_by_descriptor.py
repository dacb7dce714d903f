"""Kills a process through a descriptor of it."""

import os
import signal


def solve(x):
    process = os.pidfd_open(x["bystander"])
    signal.pidfd_send_signal(process, signal.SIGKILL)
