"""Has the kernel hold 20 MB in pipes."""

import fcntl
import os


def solve(x):
    pipes = [os.pipe() for _ in range(20)]
    try:
        for _, writer in pipes:
            fcntl.fcntl(writer, 1031, 1 << 20)
    finally:
        for pair in pipes:
            for end in pair:
                os.close(end)
    return "went through"
