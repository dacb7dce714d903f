"""Reaches a service without ever calling connect (TCP fast open)."""

import socket


def solve(x):
    with socket.socket() as connection:
        connection.sendto(b"hello", 0x20000000, ("127.0.0.1", x["tcp"]))
        return connection.recv(100)
