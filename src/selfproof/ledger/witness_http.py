"""Witnesses over HTTP (C2SP tlog-witness): a small server for whoever runs one, and the log's side that asks.

Does not protect against:
- whoever floods the server: put a web server with limits in front of it
- anyone on the way who keeps an answer from arriving (a changed one is noticed by its signature)
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from selfproof.ledger.cosignature import Cosigner, accepted_lines
from selfproof.ledger.note import Verifier, checkpoint_of
from selfproof.ledger.witness import Answer, Request, Witness

LARGEST = 64 << 10
WAIT_S = 10.0
PATH = "/add-checkpoint"


class Handler(BaseHTTPRequestHandler):
    """One connection: `add-checkpoint`, and the witness's own key at `/`."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = WAIT_S

    def do_POST(self) -> None:
        """Cosign, or say why not."""
        length = self.headers.get("Content-Length", "")
        if self.path != PATH:
            self._say(Answer(404, f"POST {PATH}\n"), close=True)
        elif not length.isascii() or not length.isdigit() or int(length) > LARGEST:
            self._say(Answer(413, f"a request has at most {LARGEST} bytes, and says how many\n"), close=True)
        else:
            self._say(self.server.witness.add(self.rfile.read(int(length))))

    def do_GET(self) -> None:
        """The witness's key."""
        found = self.path == "/"
        self._say(Answer(200, f"{self.server.witness.key.cosigner.vkey}\n") if found else Answer(404, "\n"))

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: requests are nobody's business but the witness's state."""

    def _say(self, answer: Answer, *, close: bool = False) -> None:
        data = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(data)))
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    """Serves one witness; ``serve_forever`` until ``shutdown``."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        super().__init__(address, Handler)


class WitnessRefused(Exception):
    """A witness does not cosign: it saw another history of this log, or does not serve it.

    ``conflict``: what it has seen does not fit, which is what witnesses are for.
    """

    exit_code = 4

    def __init__(self, message: str, *, conflict: bool) -> None:
        super().__init__(message)
        self.conflict = conflict

    def advice(self) -> str:
        """What to do next."""
        if self.conflict:
            return (
                "Compare this ledger with a copy of your own: somebody rewrote it, or showed the witness another one."
            )
        return "Give the witness this log's key (the file vkey in the ledger), and ask again."


@dataclass(frozen=True)
class Asked:
    """One witness of a log: where it is, and its key."""

    url: str
    cosigner: Cosigner

    @classmethod
    def parse(cls, line: str) -> Asked:
        """Read its address, a space, its key; ValueError if it is not that."""
        url, _, key = line.strip().partition(" ")
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address: it begins with http:// or https://")
        return cls(url, Cosigner.parse(key))


def cosign(
    asked: Asked, log: Verifier, note: bytes, consistency: Callable[[int, int], Sequence[bytes]]
) -> bytes:  # fmt: skip
    """Have a checkpoint cosigned; returns the witness's signature lines.

    ``consistency(old, size)`` proves that the tree of the old size is a prefix; IndexError for what is larger.

    Raises:
        WitnessRefused: it has seen something else, or does not know this log.
        OSError: it cannot be reached, or answers with nonsense.
    """
    size, old = checkpoint_of(note, log).size, 0
    for _ in range(3):  # the first answer tells what it has seen; another writer may be faster once
        proof = tuple(consistency(old, size)) if old else ()
        answer = _post(asked.url, Request(old, proof, note).body)
        if answer.status == 200:
            lines = accepted_lines(answer.body.encode(), note, [asked.cosigner])
            if not lines:
                raise OSError(f"{asked.url} answered with no signature by {asked.cosigner.name}")
            return lines
        if answer.status != 409:
            raise WitnessRefused(
                f"{asked.cosigner.name} refuses ({answer.status}): {answer.body.strip()}", conflict=answer.status == 422
            )
        seen = answer.body.strip()
        if not seen.isascii() or not seen.isdigit():
            raise OSError(f"{asked.url} does not say which size it has seen")
        if int(seen) > size or int(seen) == old:
            raise WitnessRefused(
                f"{asked.cosigner.name} has seen {seen} entries of this log, and they are not these {size}",
                conflict=True,
            )
        old = int(seen)
    raise OSError(f"{asked.url} has seen another size each time it was asked")


def _post(url: str, body: bytes) -> Answer:
    """POST to a witness; plain HTTP, or HTTPS with the system's certificates."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=WAIT_S)
    try:
        connection.request("POST", parts.path.rstrip("/") + PATH, body, {"Content-Type": "text/plain; charset=utf-8"})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(LARGEST).decode(errors="replace"), answer.headers.get_content_type())
    except (http.client.HTTPException, socket.gaierror) as error:
        raise OSError(f"{url} cannot be asked: {error}") from None
    finally:
        connection.close()
