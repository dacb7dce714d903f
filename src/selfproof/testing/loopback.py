"""A model server on this machine that says what it is told to: the OpenAI protocol over real HTTP, for tests.

    with LoopbackModel([Say("hello"), Status(429, retry_after=1), BreakOff("half a rep")]) as model:
        proposers([model.name], ...)
        assert model.asked[0].tokens_out < 100

Each request gets the next turn of the script, the last turn again and again. From a shell:

    python -m selfproof.testing.loopback --port 8765 --reply first.txt --reply second.txt
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

LARGEST_REQUEST = 64 << 20
_NAMED = {"id": "chatcmpl-0", "created": 0, "model": "loopback"}


@dataclass(frozen=True)
class Say:
    """An answer in pieces, as a stream (or one object, where ``streamed`` is False).

    ``usage`` "true" states the tokens, "none" says nothing of them, a mapping is sent as it stands. ``pause_s`` is
    waited before each piece, ``ended`` is the finish reason. ``own_words`` takes the place of the whole delta.
    """

    text: str
    pieces: int = 5
    streamed: bool = True
    usage: Literal["true", "none"] | dict[str, Any] = "true"
    pause_s: float = 0.0
    ended: str | None = "stop"
    done: bool = True
    own_words: dict[str, Any] | None = None


@dataclass(frozen=True)
class Status:
    """An HTTP error with the vendor's words for it."""

    code: int
    message: str = "not now"
    retry_after: float | str | None = None
    location: str = ""


@dataclass(frozen=True)
class BreakOff:
    """A stream that ends in the middle, without warning. With ``nothing``, not even a status is sent."""

    text: str = ""
    nothing: bool = False


@dataclass(frozen=True)
class Raw:
    """A body of any bytes."""

    body: bytes
    kind: str = "text/event-stream"
    encoding: str = ""


@dataclass(frozen=True)
class Drip:
    """An answer that comes a few bytes at a time, ``every_s``, for ever; or only its headers do."""

    every_s: float = 0.05
    headers: bool = False


@dataclass(frozen=True)
class Silence:
    """No answer at all; the connection stays open."""


Turn = Say | Status | BreakOff | Raw | Drip | Silence


@dataclass(frozen=True)
class Asked:
    """One request: its JSON, its headers, and the tokens that the answer truly cost."""

    body: dict[str, Any]
    headers: dict[str, str]
    tokens_in: int
    tokens_out: int

    @property
    def prompt(self) -> str:
        """All messages' text."""
        return "\n".join(str(message.get("content")) for message in self.body.get("messages", []))


class LoopbackModel:
    """The server. ``script`` is a list of turns or texts, or a function of the request's JSON that gives one.

    A token is ``bytes_per_token`` bytes of text; a reply is cut at the request's bound, as a real model's is. With
    ``key`` every other key is refused.
    """

    def __init__(
        self, script: Sequence[Turn | str] | Callable[[dict[str, Any]], Turn | str], *, port: int = 0, key: str = "",
        bytes_per_token: int = 4,
    ) -> None:  # fmt: skip
        self.asked: list[Asked] = []
        self.bytes_per_token = bytes_per_token
        self._key = key
        self._script = script
        self._turns = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.in_flight = self.most_in_flight = 0
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base address, as clients want it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def name(self) -> str:
        """The model's name for a charter."""
        return f"{self.url}#loopback"

    def __enter__(self) -> LoopbackModel:
        """Itself; the server runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the server and whatever it is in the middle of."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def play(self, script: Sequence[Turn | str] | Callable[[dict[str, Any]], Turn | str]) -> None:
        """Begin another script, and forget what was asked so far."""
        with self._lock:
            self._script, self._turns, self.asked = script, 0, []

    def wait(self, seconds: float | None = None) -> None:
        """Serve so long, or until the process is interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._over.wait(seconds)

    def turn(self, body: dict[str, Any]) -> Turn:
        """What the next request gets."""
        with self._lock:
            number, self._turns = self._turns, self._turns + 1
        script = self._script
        found = script(body) if callable(script) else script[min(number, len(script) - 1)]
        return Say(found) if isinstance(found, str) else found

    def refuses(self, headers: dict[str, str]) -> bool:
        """Whether the key is another one."""
        return bool(self._key) and headers.get("authorization") != f"Bearer {self._key}"

    def pause(self, seconds: float) -> bool:
        """Wait; whether the server still runs."""
        return not self._over.wait(seconds)

    def note(self, body: dict[str, Any], headers: dict[str, str], text: str) -> tuple[int, int, str]:
        """Take note of a request that ``text`` answers: tokens read and written, and the text as far as it may go."""
        each = self.bytes_per_token
        prompt = sum(len(str(message.get("content", "")).encode()) for message in body.get("messages", []))
        bound = body.get("max_completion_tokens") or body.get("max_tokens") or 1 << 30
        cut = text.encode()[: bound * each].decode("utf-8", "ignore")
        written = -(-len(cut.encode()) // each)
        with self._lock:
            self.asked.append(Asked(body, headers, -(-prompt // each), written))
        return -(-prompt // each), written, cut

    def busy(self, more: int) -> None:
        """Count requests that are answered at this moment."""
        with self._lock:
            self.in_flight += more
            self.most_in_flight = max(self.most_in_flight, self.in_flight)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], model: LoopbackModel) -> None:
        super().__init__(address, _Handler)
        self.model = model

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        model = self.server.model
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(self.rfile.read(min(int(headers.get("content-length", 0)), LARGEST_REQUEST)))
        model.busy(1)
        try:
            if model.refuses(headers):
                turn: Turn = Status(401, "Incorrect API key provided")
            elif not self.path.endswith("/v1/chat/completions"):
                turn = Status(404, "no such path")
            else:
                turn = model.turn(body)
            self._play(turn, body, headers)
        finally:
            model.busy(-1)

    def _play(self, turn: Turn, body: dict[str, Any], headers: dict[str, str]) -> None:
        model = self.server.model
        if isinstance(turn, Say):
            self._say(turn, body, headers)
            return
        model.note(body, headers, turn.text if isinstance(turn, BreakOff) else "")
        if isinstance(turn, Status):
            self._status(turn)
        elif isinstance(turn, Raw):
            extra = {"Content-Encoding": turn.encoding} if turn.encoding else {}
            self._head(200, turn.kind, extra | {"Content-Length": str(len(turn.body))})
            self.wfile.write(turn.body)
        elif isinstance(turn, BreakOff):
            if not turn.nothing:
                self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
                self._chunk(_event({"choices": [{"delta": {"content": turn.text}, "finish_reason": None}]}))
            self.close_connection = True
        else:
            self._never(turn)

    def _say(self, turn: Say, body: dict[str, Any], headers: dict[str, str]) -> None:
        read, written, text = self.server.model.note(body, headers, turn.text)
        usage: Any = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        usage = usage if turn.usage == "true" else None if turn.usage == "none" else turn.usage
        ended = turn.ended if text == turn.text or turn.ended is None else "length"
        if not turn.streamed:
            message = turn.own_words or {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": ended}
            whole = _NAMED | {"object": "chat.completion", "choices": [choice], "usage": usage}
            data = json.dumps(whole).encode()
            self._head(200, "application/json", {"Content-Length": str(len(data))})
            self.wfile.write(data)
            return
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for delta in [turn.own_words] if turn.own_words else [{"content": part} for part in _parts(text, turn.pieces)]:
            if not self.server.model.pause(turn.pause_s):
                return
            self._chunk(_event({"choices": [{"delta": delta, "finish_reason": None}]}))
        if ended is not None:
            self._chunk(_event({"choices": [{"delta": {}, "finish_reason": ended}]}))
        if usage is not None:
            self._chunk(_event({"choices": [], "usage": usage}))
        self._chunk((b"data: [DONE]\n\n" if turn.done else b"") or b": \n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _never(self, turn: Drip | Silence) -> None:
        self.close_connection = True
        dripping = isinstance(turn, Drip)
        every = turn.every_s if isinstance(turn, Drip) else 3600.0
        if isinstance(turn, Drip) and turn.headers:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        elif dripping:
            self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        while self.server.model.pause(every):
            if isinstance(turn, Drip):
                self.wfile.write(b"x") if turn.headers else self._chunk(b":")
                self.wfile.flush()

    def _status(self, turn: Status) -> None:
        data = json.dumps({"error": {"message": turn.message, "type": "error", "code": turn.code}}).encode()
        extra = {"Content-Length": str(len(data))}
        if turn.retry_after is not None:
            extra["Retry-After"] = str(turn.retry_after)
        if turn.location:
            extra["Location"] = turn.location
        self._head(turn.code, "application/json", extra)
        self.wfile.write(data)

    def _head(self, code: int, kind: str, extra: dict[str, str]) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _event(value: dict[str, Any]) -> bytes:
    choices = [{"index": 0, **choice} for choice in value.get("choices", [])]
    whole = _NAMED | {"object": "chat.completion.chunk"} | value | {"choices": choices}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


def _parts(text: str, pieces: int) -> Iterator[str]:
    each = max(1, -(-len(text) // pieces))
    yield from (text[at : at + each] for at in range(0, len(text), each))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve replies from files, one after the other and the last again and again, until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m selfproof.testing.loopback", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8765, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--reply", action="append", required=True, type=Path, help="a file with one reply; repeatable")
    parser.add_argument("--minutes", type=float, help="end by itself after so long")
    options = parser.parse_args(arguments)
    try:
        replies = [path.read_text("utf-8") for path in options.reply]
    except OSError as error:
        parser.error(str(error))
    with LoopbackModel(replies, port=options.port) as model:
        sys.stdout.write(f"{model.name}\n")
        sys.stdout.flush()
        model.wait(None if options.minutes is None else 60 * options.minutes)


if __name__ == "__main__":
    main()
