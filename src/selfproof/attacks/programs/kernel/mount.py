"""Mounts a file system."""

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
    if os.geteuid() != 0:
        syscall(272, 0x10020000)
    folder = os.path.join(x["writable"], x["mark"])
    os.mkdir(folder)
    syscall(165, b"none", folder.encode(), b"tmpfs", 0, 0)
    syscall(166, folder.encode(), 2)
