"""Opens 500 descriptors."""

import os


def solve(x):
    opened = []
    try:
        while len(opened) < 500:
            opened.append(os.dup(0))
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return "went through"
