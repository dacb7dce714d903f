"""Writes a file without a name, then gives it one."""

import os


def solve(x):
    file = os.open(x["writable"], os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(file, b"left")
    os.link(f"/proc/self/fd/{file}", os.path.join(x["writable"], x["mark"]), follow_symlinks=True)
