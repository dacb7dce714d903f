"""Opens a file by its number on the disk, past every folder above it."""

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
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136)
    mount = ctypes.c_int()
    syscall(303, -100, x["secret"].encode(), handle, ctypes.byref(mount), 0)
    folder = os.open(os.path.dirname(x["secret"]), os.O_RDONLY)
    return os.read(syscall(304, folder, handle, 0), 100)
