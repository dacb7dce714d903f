"""Takes 800 MB of memory where 512 are allowed in ten processes, none of which is large."""

import os
import signal
import time


def solve(x):
    reader, writer = os.pipe()
    children = []
    for _ in range(10):
        child = os.fork()
        if child == 0:
            held = bytearray(80 << 20)
            os.write(writer, b"x")
            time.sleep(3)
            os._exit(len(held) & 1)
        children.append(child)
    got = 0
    while got < 10:
        got += len(os.read(reader, 10))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return "went through"
