"""Names the machine (as it is named)."""

import ctypes
import os
import socket


def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def solve(x):
    if os.geteuid() != 0:
        syscall(272, 0x14000000)
    socket.sethostname(socket.gethostname())
    return "went through"
