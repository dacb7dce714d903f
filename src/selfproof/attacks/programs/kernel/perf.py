"""Opens a performance counter."""

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
    attributes = struct.pack("IIQ", 1, 128, 1) + bytes(24) + struct.pack("Q", 0b1100000) + bytes(80)
    os.close(syscall(298, attributes, 0, -1, -1, 0))
    return "went through"
