"""Opens a raw socket."""

import socket


def solve(x):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    return "went through"
