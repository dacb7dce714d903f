"""Opens a port and is called back."""

import socket


def solve(x):
    with socket.socket() as server:
        server.bind(("127.0.0.1", x["callback"]))
        server.listen()
        server.settimeout(0.5)
        connection, _ = server.accept()
        return connection.recv(100)
