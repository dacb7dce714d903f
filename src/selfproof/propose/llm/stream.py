"""A model's answer as it comes in: server-sent events or one JSON object, from a server that may send anything.

Pure: bytes in, an answer or a `Fault` out. Whatever is no answer is one line that says why, whether asking again may
help, and what it must be taken to have cost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

LARGEST_REPLY = 2 << 20  # characters of text
_LARGEST_BODY = 64 << 20  # bytes on the wire: an event is some 300 bytes for a token
_LARGEST_LINE = 8 << 20
LONGEST_MESSAGE = 200
Cost = Literal["free", "bound"]


class Fault(Exception):
    """A call without an answer. ``again``: another attempt may help; ``cost`` "free" where nothing can be charged."""

    def __init__(
        self, message: str, *, again: bool = False, fatal: bool = False, cost: Cost = "bound", wait_s: float = 0.0,
        kind: str = "", usage: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(plain(message))
        self.again = again
        self.fatal = fatal
        self.cost = cost
        self.wait_s = wait_s
        self.kind = kind
        self.usage = usage


@dataclass(frozen=True)
class Answer:
    """A model's text, why it ended, and its own count of tokens read and written; None where it gave none."""

    text: str
    ended: str
    usage: tuple[int, int] | None


class Assembly:
    """Puts an answer together. Feed it bytes; ``tokens`` is an estimate of what was written so far.

    An answer that begins with "{" is one object, whatever the server calls it.
    """

    def __init__(self) -> None:
        self._streamed: bool | None = None
        self._line = bytearray()
        self._count = self._length = 0
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._usage: tuple[int, int] | None = None
        self._ended = ""
        self._done = False
        self.tokens = 0

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; True when the answer is complete. Raises Fault."""
        self._count += len(data)
        if self._count > _LARGEST_BODY or len(self._line) > _LARGEST_LINE:
            raise self._too_large()
        if self._streamed is None and data.strip():
            self._streamed = not bytes(self._line + data).lstrip().startswith(b"{")
        if not self._streamed:
            self._line += data
            return False
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._line += line
            self._event(bytes(self._line))
            self._line.clear()
        self._line += rest
        return self._done

    def finished(self) -> Answer:
        """The answer, once nothing more comes. Raises Fault."""
        if self._streamed is False:
            self._object(_parsed(bytes(self._line)))
        elif self._line and not self._done:
            self._event(bytes(self._line))
        text = "".join(self._text)
        if self._ended == "content_filter":
            raise Fault("the reply was stopped by the vendor's content filter", usage=self._usage)
        if self._refusal and not text.strip():
            raise Fault(f"the model refused: {''.join(self._refusal)}", usage=self._usage)
        if not self._ended and not (self._done and text.strip()):
            raise Fault("the reply broke off" if text else "the reply is empty", again=True, usage=self._usage)
        if not text.strip():
            why = "the reply was cut off at its bound, before any text" if self._ended == "length" else ""
            raise Fault(why or "the reply is empty", again=not why, usage=self._usage)
        return Answer(text, self._ended or "stop", self._usage)

    def _too_large(self) -> Fault:
        return Fault(f"the reply is larger than {LARGEST_REPLY >> 20} MB", usage=self._usage)

    def _event(self, line: bytes) -> None:
        if not line.startswith(b"data:"):
            return
        data = line[5:].strip()
        if data == b"[DONE]":
            self._done = True
        elif data:
            self._object(_parsed(data))

    def _object(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise Fault("the reply is no object", again=True)
        error = body.get("error")
        if error:
            raise Fault(f"the server says: {told(error)}", again=True, usage=self._usage)
        self._usage = usage_of(body.get("usage")) or self._usage
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        ended = choice.get("finish_reason")
        self._ended = ended[:40] if isinstance(ended, str) and ended else self._ended
        part = choice.get("delta") if self._streamed else choice.get("message")
        if isinstance(part, dict):
            self._part(part)

    def _part(self, part: dict[str, Any]) -> None:
        text = _text_of(part.get("content"))
        self._text.append(text)
        self._length += len(text)
        if self._length > LARGEST_REPLY:
            raise self._too_large()
        refusal = part.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refusal.append(refusal[:LONGEST_MESSAGE])
        thought = part.get("reasoning_content") or part.get("reasoning")
        written = len(text) + (len(thought) if isinstance(thought, str) else 0)
        self.tokens += max(1, written // 4) if written else 0


def usage_of(value: Any) -> tuple[int, int] | None:
    """Tokens read and written by a server's own count; None where it gives none that can be true.

    Some vendors leave hidden thoughts out of what was written and count them in the total alone.
    """
    if not isinstance(value, dict):
        return None
    read, written, total = value.get("prompt_tokens"), value.get("completion_tokens"), value.get("total_tokens")
    if not _count(read) or not _count(written):
        return None
    return int(read), max(int(written), int(total) - int(read)) if _count(total) else int(written)


def told(value: Any) -> str:
    """The message in an error's body, whatever its form."""
    for _ in range(4):
        if isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, dict):
            break
        value = next((value[key] for key in ("error", "message", "detail", "msg", "code") if value.get(key)), "")
    return plain(value if isinstance(value, str) else json.dumps(value, default=str)[:LONGEST_MESSAGE])


def plain(text: str) -> str:
    """A stranger's words on one line, without control characters, at most 200 characters."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in text[: 2 * LONGEST_MESSAGE]).split())[
        :LONGEST_MESSAGE
    ]


def _count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12


def _text_of(content: Any) -> str:
    """Text that is given as a string, or as a list of parts of which only text is one."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "".join(text for text in texts if isinstance(text, str))


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data, strict=False)
    except (ValueError, RecursionError):
        raise Fault("the reply is no JSON, or was cut off", again=True) from None
