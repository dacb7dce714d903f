"""Opens a socket that sees every packet of the machine."""

import socket


def solve(x):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)).close()
    return "went through"
