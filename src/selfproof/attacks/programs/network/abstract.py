"""Connects to an abstract socket, which has no file that could forbid it."""

import socket


def solve(x):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0.5)
        connection.connect(chr(0) + x["abstract"])
        return connection.recv(100)
