"""Writes a file without a name, then gives it one."""

import ctypes
import os


def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def solve(x):
    file = os.open(x["writable"], os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(file, b"left")
    syscall(265, -100, f"/proc/self/fd/{file}".encode(), -100, os.path.join(x["writable"], x["mark"]).encode(), 0x400)
