"""Servers on loopback that take what a run sends, and some that take it badly."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """A running one: where, and what it got."""

    url: str
    got: list[Got] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[int], tuple[int, dict[str, str]]] = lambda number: (204, {})) -> Iterator[Server]:
    """Answers the nth request with a status and headers."""
    server: Server

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, headers = answer(len(server.got))
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_address[1]}")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


@contextmanager
def hanging() -> Iterator[str]:
    """Takes a connection, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
