"""Webhooks: a JSON POST to an address of the charter's when something happens that a person may want to know at once.

Signed as Standard Webhooks (standardwebhooks.com): headers ``webhook-id``, ``webhook-timestamp`` and
``webhook-signature``, "v1," and the Base64 of HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"). The body has a ``text`` that
Slack and those that speak like it show. Redirects are not followed, proxies are not used, and the answer's body is not
read. Where it was sent to stands in the charter, which no program can reach; a title, which a program writes, is one
bounded line in which chat programs see neither a link nor a mention.

Does not protect against: a receiver that makes a link of a bare name such as example.org; one that tells others;
whoever reads an address that is a secret in the charter itself (name it "env:NAME").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from selfproof import __version__
from selfproof.monitoring.feed import bounded
from selfproof.nouns import Event, UsageError
from selfproof.viewing.words import clean

TIMEOUT_S = 5.0
"""Of one try, all together: a receiver that answers one byte a second is no better than one that never does."""
PAUSES_S = (1.0, 4.0)
"""Before the second and the third try."""
PLAIN = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "＠"), ("://", ": //"), ("](", "] ("))
"""What Slack, Mattermost or Discord take for a mention or a link, and what is written instead."""
ENDS = {"time", "enough", "drained", "nothing left to try"}
"""Ends of a run that nobody has to look at; any other is a halt."""


def kind_of(event: Event) -> str | None:
    """Which of the charter's words an event is, or None if nobody is told of it."""
    name, verdict = event["event"], event.get("verdict")
    if name == "decision":
        certified = verdict == "adopted" and event.get("answer") == "certified"
        return "certified" if certified else "waiting" if verdict == "waits" else None
    if name == "summary":
        ended = str(event.get("ended"))
        return "ended" if ended in ENDS or ended.startswith("ceiling ") else "halted"
    return name if name in {"rollback", "tripwire", "budget", "incident", "failed", "halted"} else None


def text_of(kind: str, event: Event) -> str:
    """One line for people."""
    what = clean(event.get("objective", ""), 60)
    title = clean(event.get("title", ""), 200)
    if kind == "ended":
        told = f"{event.get('certified')} certified, {event.get('refused')} refused, version {event.get('version')}"
        return f"the run ended ({clean(event.get('ended'), 60)}): {told}"
    words = {
        "certified": f"{what}: version {event.get('version')} is certified and adopted: {title}",
        "waiting": f"{what}: a certified change waits for approval: {title}",
        "rollback": f"{what}: version {event.get('version')} was taken back: {clean(event.get('reason', ''), 120)}",
        "halted": f"the program was stopped ({clean(event.get('ended') or event.get('reason') or '?', 120)})",
        "failed": f"the run failed: {clean(event.get('problem', ''), 240)}",
    }
    known = ("words", "name", "ceiling", "used", "limit", "answer", "reason")
    more = [
        clean(event[key], 200) if key == "words" else f"{key} {clean(event[key], 80)}" for key in known if key in event
    ]
    return words.get(kind) or f"{kind}: " + (", ".join(more) or what or "see the ledger")


def body_of(kind: str, event: Event, program: Mapping[str, Any]) -> bytes:
    """What is sent; ``text`` has nothing that a chat program would take for a link or a mention."""
    text = f"selfproof {clean(program.get('program', '?'), 16)}: {text_of(kind, event)}"
    for sign, instead in PLAIN:
        text = text.replace(sign, instead)
    told = {key: value for key, value in event.items() if isinstance(value, (str, int, float, bool)) or value is None}
    return json.dumps({"kind": kind, "text": text, **bounded(dict(program)), "event": bounded(told)}).encode()


def of_environment(place: str, secret: str) -> tuple[str, bytes]:
    """The address and the secret that a charter names.

    Raises:
        UsageError: a variable that it names is not set, or holds no address: then nothing is sent.
    """
    if name := place.removeprefix("env:") if place.startswith("env:") else "":
        place = os.environ.get(name, "")
        if not place.startswith(("http://", "https://")):
            raise UsageError(f"the environment variable {name} holds no address")
    key = os.environ.get(secret, "") if secret else ""
    if secret and not key:
        raise UsageError(f"the environment variable {secret}, which should sign, is not set")
    try:
        return place, base64.b64decode(key[6:], validate=True) if key.startswith("whsec_") else key.encode()
    except ValueError:
        raise UsageError(f"the environment variable {secret} is no whsec_ and Base64") from None


def signature(secret: bytes, name: str, at: str, body: bytes) -> str:
    """What the receiver computes again."""
    return "v1," + base64.b64encode(hmac.digest(secret, f"{name}.{at}.".encode() + body, hashlib.sha256)).decode()


class Webhook:
    """The sink: one address. ``hurry`` is set when nothing may be tried again."""

    def __init__(self, url: str, secret: bytes, on: Sequence[str], hurry: threading.Event) -> None:
        self._url, self._secret, self._on, self._hurry = urlsplit(url), secret, frozenset(on), hurry
        self._program: Event = {}

    def take(self, event: Event) -> None:
        """Send it if it is one of those that were asked for.

        Raises:
            OSError: it was not taken, in words without the address's path, which may be a secret.
        """
        if event["event"] == "start":
            self._program = {"program": event.get("program"), "folder": event.get("folder")}
        kind = kind_of(event)
        if kind is not None and kind in self._on:
            self._send(body_of(kind, event, self._program))

    def close(self) -> None:
        """Nothing is left open."""

    def _send(self, body: bytes) -> None:
        name, why = f"msg_{secrets.token_hex(12)}", ""
        for pause in (0.0, *PAUSES_S):
            if pause and self._hurry.wait(pause):
                break
            try:
                status = self._post(name, body)
            except (OSError, http.client.HTTPException) as error:
                why = str(error) or type(error).__name__
                continue
            if 200 <= status < 300:
                return
            why = f"status {status}"
            if status < 500 and status != 429:
                break
        raise ConnectionError(f"{self._url.hostname} did not take it: {why}")

    def _post(self, name: str, body: bytes) -> int:
        """One try; its status."""
        url, at = self._url, str(int(time.time()))
        headers = {"Content-Type": "application/json", "User-Agent": f"selfproof/{__version__}",
                   "webhook-id": name, "webhook-timestamp": at}  # fmt: skip
        if self._secret:
            headers["webhook-signature"] = signature(self._secret, name, at, body)
        host = url.hostname or ""
        line: http.client.HTTPConnection
        if url.scheme == "https":
            line = http.client.HTTPSConnection(host, url.port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        else:
            line = http.client.HTTPConnection(host, url.port, timeout=TIMEOUT_S)
        late = threading.Event()
        watch = threading.Timer(TIMEOUT_S, _cut, (line, late))
        watch.daemon = True
        watch.start()
        try:
            line.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), body, headers)
            status = line.getresponse().status
            if late.is_set():  # what was cut off looks like an answer without headers
                raise TimeoutError(f"no whole answer within {TIMEOUT_S:g} s")
            return status
        finally:
            watch.cancel()
            line.close()


def _cut(line: http.client.HTTPConnection, late: threading.Event) -> None:
    """End a try that takes too long, from another thread."""
    late.set()
    held: socket.socket | None = getattr(line, "sock", None)
    if held is not None:
        try:
            held.shutdown(socket.SHUT_RDWR)
        except OSError:  # it has ended by itself meanwhile
            return
