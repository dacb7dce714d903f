"""Locks memory, so that it can never be paged out."""

import ctypes
import mmap
import os


def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def solve(x):
    view = mmap.mmap(-1, 1 << 20)
    syscall(149, ctypes.byref(ctypes.c_char.from_buffer(view)), 1 << 20)
    return "went through"
