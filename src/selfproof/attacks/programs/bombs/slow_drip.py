"""Sends its answer byte by byte, so that something always arrives."""

import os
import time


def solve(x):
    os.write(4, (60_000).to_bytes(4, "little") + bytes([18]))
    for _ in range(34):
        os.write(4, b"a")
        time.sleep(0.1)
