"""The one way out of a jail that was granted a network: a proxy in the engine that connects to named hosts only.

It listens on a socket that the fork-server made inside the jail's own, otherwise empty, network, and understands
`CONNECT host:port` (RFC 9110, section 9.3.6), as HTTPS clients do for a proxy. Names are resolved out here.

Does not protect against:
- what a program tells the hosts that a person named, and what those do with it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

_REQUEST: Final = re.compile(rb"CONNECT ([A-Za-z0-9.-]{1,253}:[0-9]{1,5}) HTTP/1\.[01]\r\n")
_HEAD_BYTES: Final = 8 << 10
_PATIENCE_S: Final = 10.0
_PAUSE_S: Final = 0.05
_AT_ONCE: Final = 16
_REFUSED: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_FAILED: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Broker:
    """Serves `listener` for `hosts` ("host:port", lower case) in threads of its own until it is closed."""

    def __init__(self, listener: socket.socket, hosts: Sequence[str]) -> None:
        self._listener, self._hosts = listener, frozenset(hosts)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, socket.socket | None] = {}  # from whom, to whom
        self._closed = False
        listener.settimeout(None)
        threading.Thread(target=self._accept, name="selfproof-broker", daemon=True).start()

    def reset(self) -> None:
        """End all connections: the job that opened them is over, and the next one gets all the room."""
        with self._lock:
            ways, self._open = self._open, {}
            for side in (*ways, *filter(None, ways.values())):
                _hang_up(side, socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections, end those that are open. Idempotent."""
        self._closed = True
        _hang_up(self._listener, socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:  # out of descriptors perhaps, which passes
                time.sleep(_PAUSE_S)
                continue
            with self._lock:
                welcome = len(self._open) < _AT_ONCE
                if welcome:
                    self._open[client] = None
            if welcome:
                threading.Thread(target=self._serve, args=(client,), name="selfproof-broker", daemon=True).start()
            else:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError):  # either side may go at any time
                client.settimeout(_PATIENCE_S)
                place = self._asked(client)
                if place is None:
                    client.sendall(_REFUSED)
                    return
                host, _, port = place.rpartition(":")
                try:
                    server = socket.create_connection((host, int(port)), timeout=_PATIENCE_S)
                except OSError:
                    client.sendall(_FAILED)
                    return
                with server:
                    if not self._known(client, server):
                        return
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    for side in (client, server):
                        side.settimeout(None)
                    back = threading.Thread(target=_pump, args=(server, client), name="selfproof-broker", daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()
        finally:
            with self._lock:
                self._open.pop(client, None)

    def _known(self, client: socket.socket, server: socket.socket) -> bool:
        """Note where a client's way leads; False if its job is over."""
        with self._lock:
            if client in self._open:
                self._open[client] = server
            return client in self._open

    def _asked(self, client: socket.socket) -> str | None:
        """The host and port that a well-formed request names, if they were granted."""
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEAD_BYTES:
            part = client.recv(1)  # not a byte beyond the head: the rest is for the server
            if not part:
                return None
            head += part
        found = _REQUEST.match(head)
        place = found[1].decode().lower() if found else None
        return place if place in self._hosts else None


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what one side says until it says no more; then tell the other."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    _hang_up(target, socket.SHUT_WR)


def _hang_up(side: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):  # gone already
        side.shutdown(how)
