"""Leaves a message in a queue."""

import ctypes
import os
import struct


def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def solve(x):
    queue = syscall(68, x["key"], 0o1666)
    syscall(69, queue, struct.pack("q", 1) + b"left", 4, 0)
