"""Loads a map into the kernel."""

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
    os.close(syscall(321, 0, struct.pack("IIII", 2, 4, 8, 1) + bytes(112), 128))
    return "went through"
