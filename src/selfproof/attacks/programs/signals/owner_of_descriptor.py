"""Has the kernel kill the fork-server when a pipe becomes readable (F_SETOWN, F_SETSIG)."""

import fcntl
import os
import signal
import time


def solve(x):
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getppid())
    fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(writer, b"now")
    time.sleep(0.1)
