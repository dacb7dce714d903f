"""Announces an answer of 300 MB and sends none."""

import os
import time


def solve(x):
    os.write(4, (300 << 20).to_bytes(4, "little") + bytes([18]))
    time.sleep(3.4)
