"""Connects to a service of this machine."""

import socket


def solve(x):
    with socket.socket() as connection:
        connection.settimeout(0.5)
        connection.connect(("127.0.0.1", x["tcp"]))
        return connection.recv(100)
