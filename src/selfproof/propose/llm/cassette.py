"""Recorded answers: a file from which a run can be repeated without a network, a key or a cent.

One JSON object a line; the first says what the file is. An answer is found by the SHA-256 of its request (model, both
messages, bound of the reply); asked the same again, it gives the next one that was recorded. What failed when it was
recorded fails again. Replies are data of models and programs; keys never reach the engine, so none can be in here.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from pathlib import Path
from typing import Protocol

import msgspec

from selfproof.nouns import UsageError
from selfproof.propose.brief import ProposerFailed, Spent
from selfproof.propose.llm.handle import Answered, TooLong, Watch
from selfproof.propose.prompt import Request

LARGEST = 1 << 30
FORM = 1


class Asker(Protocol):
    """Something that can be asked in a model's name: a broker, a recorder around it, or a cassette."""

    def ask(self, name: str, request: Request, watch: Watch | None = None) -> Answered:
        """Ask and wait. Raises ProposerFailed."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    cassette: int


class Take(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One answer, or why there was none (``failed``)."""

    request: str
    model: str
    reply: str = ""
    ended: str = ""
    failed: str = ""
    fatal: bool = False
    too_long: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    dollars: float = 0.0


def digest(name: str, request: Request) -> str:
    """The SHA-256 that names a request: of everything that its answer may depend on."""
    parts = [name, request.system, request.user, str(request.reply_tokens)]
    return hashlib.sha256(msgspec.json.encode([part.encode("utf-8", "replace").decode() for part in parts])).hexdigest()


class Recorder:
    """Asks another asker and writes down what came of it."""

    def __init__(self, inner: Asker, path: Path) -> None:
        """Write to ``path``, behind what is there. Raises UsageError if that is no cassette or cannot be written."""
        self._inner = inner
        self._lock = threading.Lock()
        if path.exists() and path.stat().st_size:
            _read(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            self._file.truncate(_whole(path))
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None
        if self._file.tell() == 0:
            self._write(Head(FORM))

    def ask(self, name: str, request: Request, watch: Watch | None = None) -> Answered:
        """Ask, and record the answer or the failure. Raises ProposerFailed."""
        known = digest(name, request)
        try:
            got = self._inner.ask(name, request, watch)
        except ProposerFailed as why:
            spent = why.spent
            self._write(
                Take(
                    known, name, failed=str(why), fatal=why.fatal, too_long=isinstance(why, TooLong),
                    tokens_in=spent.tokens_in, tokens_out=spent.tokens_out, dollars=spent.dollars,
                )
            )  # fmt: skip
            raise
        spent = got.spent
        self._write(Take(known, name, got.text, got.ended, "", False, False, *_numbers(spent)))
        return got

    def close(self) -> None:
        """Close the file and the asker."""
        self._inner.close()
        with self._lock:
            self._file.close()

    def _write(self, line: Head | Take) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(msgspec.json.encode(line) + b"\n")
                self._file.flush()


class Replayer:
    """Answers from a cassette alone. Nothing is spent."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises UsageError if it is no cassette."""
        self.path = path
        self._lock = threading.Lock()
        self._takes: dict[str, list[Take]] = defaultdict(list)
        self._played: dict[str, int] = defaultdict(int)
        takes = _read(path)
        for take in takes:
            self._takes[take.request].append(take)
        self.models = tuple(dict.fromkeys(take.model for take in takes))

    def ask(self, name: str, request: Request, watch: Watch | None = None) -> Answered:
        """The recorded answer. Raises ProposerFailed: there is none, or what was recorded is a failure."""
        known = digest(name, request)
        with self._lock:
            takes, number = self._takes.get(known, []), self._played[known]
            self._played[known] += 1
        if number >= len(takes):
            has = f"only {len(takes)} of its answers" if takes else "no answer to this request"
            raise ProposerFailed(
                f"{self.path} holds {has} ({name}, {known[:12]})", fatal=not takes,
                advice="The program, the charter or the seed differ from when it was recorded: record it again.",
            )  # fmt: skip
        take = takes[number]
        if take.failed:
            raise (TooLong if take.too_long else ProposerFailed)(take.failed, fatal=take.fatal)
        return Answered(take.reply, take.ended, Spent(take.tokens_in, take.tokens_out, 0.0))

    def close(self) -> None:
        """Nothing to let go of."""


def _whole(path: Path) -> int:
    """Bytes of whole lines: behind them is what a kill left of one."""
    return path.read_bytes().rfind(b"\n") + 1


def _numbers(spent: Spent) -> tuple[int, int, float]:
    return spent.tokens_in, spent.tokens_out, spent.dollars


def _read(path: Path) -> list[Take]:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is too large for a cassette")
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    takes: list[Take] = []
    try:
        if msgspec.json.decode(lines[0], type=Head).cassette != FORM:
            raise UsageError(f"{path} is a cassette of another version")
        for line in lines[1:-1]:  # behind the last end of a line is nothing, or what a kill left
            takes.append(msgspec.json.decode(line, type=Take))
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no cassette (line {len(takes) + 1}: {error})") from None
    return takes
