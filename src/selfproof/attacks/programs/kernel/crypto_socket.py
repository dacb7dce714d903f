"""Reaches the kernel's cryptography, a favourite door of kernel exploits."""

import socket


def solve(x):
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as kernel:
        kernel.bind(("hash", "sha256"))
    return "went through"
