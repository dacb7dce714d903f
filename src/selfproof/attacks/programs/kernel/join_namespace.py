"""Joins the engine's namespaces."""

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
    namespace = os.open(f"/proc/{x['engine']}/ns/uts", os.O_RDONLY)
    syscall(308, namespace, 0)
    return "went through"
