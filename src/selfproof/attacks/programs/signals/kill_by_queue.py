"""Kills a process with a queued signal."""

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
    information = struct.pack("iii4xii", 9, 0, -1, os.getpid(), os.getuid()).ljust(128, bytes(1))
    syscall(129, x["bystander"], 9, information)
