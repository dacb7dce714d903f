"""The engine's end of the broker: start it, ask it from any thread, and let it go."""

from __future__ import annotations

import contextlib
import itertools
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import selfproof
from selfproof.nouns import UsageError
from selfproof.propose.brief import ProposerFailed, Spent
from selfproof.propose.llm import keys, wire
from selfproof.propose.llm.endpoints import Model
from selfproof.propose.llm.prices import PICO
from selfproof.propose.prompt import Request

_START_S = 60.0
_END_S = 5.0
# This very package, before any other installed one, and behind the standard library.
_CODE = """
import sys
at = [n for n, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages"))]
sys.path.insert(at[0] if at else len(sys.path), sys.argv[1])
from selfproof.propose.llm.holder import main
main()
"""


@dataclass(frozen=True)
class Patience:
    """How long a question may take: ``deadline_s`` an attempt, ``gap_s`` between two bytes, and how many attempts.

    ``pace`` multiplies the waits between attempts.
    """

    deadline_s: float = 300.0
    gap_s: float = 60.0
    attempts: int = 4
    pace: float = 1.0


@dataclass(frozen=True)
class Told:
    """How far a question is: "asking", "streaming", "waiting" or "retrying", with estimates of what it costs so far."""

    status: str
    so_far: Spent
    note: str = ""


@dataclass(frozen=True)
class Answered:
    """A model's text, why it ended ("stop", "length"), and what it cost, failed attempts included."""

    text: str
    ended: str
    spent: Spent


Watch = Callable[[Told], None]


class TooLong(ProposerFailed):
    """The prompt is too long for the model: ask again with less."""


class Handle:
    """A running broker for these models. ``dollars`` and ``tokens``: None is no ceiling."""

    def __init__(
        self, names: Sequence[str], models: Sequence[Model], *, journal: Path, dollars: float | None,
        tokens: int | None, prices: Path | None = None, patience: Patience | None = None, keep_keys: bool = False,
    ) -> None:  # fmt: skip
        """Start it.

        Raises:
            UsageError: a model cannot be asked (no key, no price, no library), or the journal is another run's.
        """
        self.patience = patience or Patience()
        self._numbers = itertools.count(1)
        self._sending, self._waiting = threading.Lock(), threading.Lock()
        self._boxes: dict[int, queue.SimpleQueue[wire.FromBroker | None]] = {}
        self._closed = self._ending = False
        self._process, self._sock = _started()
        if not keep_keys:
            keys.forget({name for model in models for name in model.keys})
        picodollars = -1 if dollars is None else int(dollars * PICO)
        own = str(prices.resolve()) if prices else ""
        ceiling = -1 if tokens is None else tokens
        try:
            self._send(wire.Open(tuple(names), str(journal.resolve()), own, picodollars, ceiling))
            self._sock.settimeout(_START_S)
            ready = self._receive()
            self._sock.settimeout(None)
            if not isinstance(ready, wire.Ready):
                raise UsageError("the process that asks models did not start", advice="Is this Python's set-up sound?")
            if ready.problem:
                raise UsageError(ready.problem, advice=ready.advice)
        except BaseException:
            self.close()
            raise
        self.before = Spent(ready.tokens_in, ready.tokens_out, ready.picodollars / PICO)
        self.locked_up = ready.locked_up
        self._reader = threading.Thread(target=self._read, name="selfproof-models", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The broker's process."""
        return self._process.pid

    def ask(self, name: str, request: Request, watch: Watch | None = None) -> Answered:
        """Ask one model and wait for its answer; ``watch`` is told how far it is.

        Raises:
            ProposerFailed: there is no answer; TooLong if a shorter prompt would help.
        """
        number, patience = next(self._numbers), self.patience
        box: queue.SimpleQueue[wire.FromBroker | None] = queue.SimpleQueue()
        with self._waiting:
            if self._closed:
                raise _closing() if self._ending else _gone()
            self._boxes[number] = box
        try:
            self._send(
                wire.Ask(
                    number, name, _sendable(request.system), _sendable(request.user), request.reply_tokens,
                    patience.deadline_s, patience.gap_s, patience.attempts, patience.pace,
                )
            )  # fmt: skip
            return self._answer(box, watch)
        except OSError:
            raise _gone() from None
        except BaseException:
            with contextlib.suppress(OSError):
                self._send(wire.Cancel(number))
            raise
        finally:
            with self._waiting:
                self._boxes.pop(number, None)

    def _answer(self, box: queue.SimpleQueue[wire.FromBroker | None], watch: Watch | None) -> Answered:
        while True:
            try:
                message = box.get(timeout=3 * self.patience.deadline_s + 60)
            except queue.Empty:
                raise ProposerFailed("the process that asks models does not answer") from None
            if message is None:
                raise _closing() if self._ending else _gone()
            if isinstance(message, wire.Ready):
                continue
            spent = Spent(message.tokens_in, message.tokens_out, message.picodollars / PICO)
            if isinstance(message, wire.Progress):
                if watch is not None:
                    watch(Told(message.status, spent, message.note))
            elif isinstance(message, wire.Reply):
                return Answered(message.text, message.ended, spent)
            else:
                kind = TooLong if message.kind == "too long" else ProposerFailed
                raise kind(message.message, fatal=message.fatal, advice=message.advice, spent=spent)

    def close(self) -> None:
        """End it; whoever still waits for an answer is told so. May be called twice."""
        with self._waiting:
            self._closed = self._ending = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        reader = getattr(self, "_reader", None)
        if reader is not None and reader is not threading.current_thread():
            reader.join(_END_S)
        self._sock.close()

    def _send(self, message: wire.ToBroker) -> None:
        data = wire.packed(message)
        with self._sending:
            self._sock.sendall(data)

    def _read(self) -> None:
        while (message := self._receive()) is not None:
            if isinstance(message, wire.Ready):
                continue
            with self._waiting:
                box = self._boxes.get(message.id)
            if box is not None:
                box.put(message)
        with self._waiting:
            self._closed = True
            for box in self._boxes.values():
                box.put(None)

    def _receive(self) -> wire.FromBroker | None:
        try:
            header = self._exactly(wire.HEADER.size)
            return wire.from_broker(self._exactly(wire.length(header)))
        except (OSError, ValueError):
            return None

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self._sock.recv(min(count - len(data), 1 << 20))
            if not part:
                raise ConnectionError("the broker is gone")
            data += part
        return bytes(data)


def _gone() -> ProposerFailed:
    return ProposerFailed(
        "the process that asks models has ended", fatal=True,
        advice="Start the run again; calls that were under way count at the most that they may have cost.",
    )  # fmt: skip


def _closing() -> ProposerFailed:
    return ProposerFailed("models are not asked any more: this run ends", fatal=True)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _started() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the process, with our environment, far from our terminal and folder; our end of the socket pair."""
    package = str(Path(selfproof.__file__).resolve().parents[1])
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CODE, package, str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd="/", start_new_session=True, pass_fds=[theirs.fileno()],
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
    return process, ours
