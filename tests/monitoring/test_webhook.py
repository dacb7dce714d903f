"""Webhooks, against real servers on loopback: signed, bounded, tried again, and of no consequence to the run."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from typing import Any

import pytest
from receivers import hanging, serving

from selfproof.charter.listening import TOLD
from selfproof.monitoring import webhook as webhooks
from selfproof.monitoring.listening import Listener
from selfproof.monitoring.webhook import Webhook, body_of, kind_of, of_environment
from selfproof.nouns import UsageError

START = {"event": "start", "program": "abcdef", "folder": "/p"}
CERTIFIED = {"event": "decision", "verdict": "adopted", "answer": "certified", "objective": "memory", "version": 3,
             "title": "a -> b", "effect": {"value": 1.0}}  # fmt: skip
ENDED = {"event": "summary", "ended": "time", "certified": 1, "refused": 2, "version": 3}


def hook(url: str, secret: bytes = b"", on: tuple[str, ...] = TOLD) -> Webhook:
    return Webhook(url, secret, on, threading.Event())


def test_each_kind_is_sent_signed_with_a_text_for_people() -> None:
    with serving() as server:
        one = hook(server.url + "/a?b=c", b"hidden")
        for event in (START, CERTIFIED, {**CERTIFIED, "verdict": "refused"}, {"event": "race"}, ENDED):
            one.take(event)
    assert [json.loads(got.body)["kind"] for got in server.got] == ["certified", "ended"]
    got = server.got[0]
    assert got.path == "/a?b=c" and got.headers["content-type"] == "application/json"
    told = json.loads(got.body)
    assert told["text"] == "selfproof abcdef: memory: version 3 is certified and adopted: a -&gt; b"
    assert told["program"] == "abcdef" and told["event"]["version"] == 3
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    wanted = base64.b64encode(hmac.new(b"hidden", signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{wanted}"
    assert abs(time.time() - int(got.headers["webhook-timestamp"])) < 60
    assert b"hidden" not in got.body


def test_every_kind_has_an_event_that_is_told() -> None:
    events: dict[str, dict[str, Any]] = {
        "certified": CERTIFIED,
        "waiting": {**CERTIFIED, "verdict": "waits"},
        "rollback": {"event": "rollback", "to": 1},
        "halted": {**ENDED, "ended": "interrupted"},
        "tripwire": {"event": "tripwire", "words": "too fast", "name": "x"},
        "budget": {"event": "budget", "ceiling": "dollars", "used": 8.0, "limit": 10.0},
        "incident": {"event": "incident"},
        "ended": {**ENDED, "ended": "ceiling dollars"},
        "failed": {"event": "failed", "problem": "no disk"},
    }
    assert set(events) == set(TOLD)
    for kind, event in events.items():
        assert kind_of(event) == kind
        assert len(json.loads(body_of(kind, event, {}))["text"]) > 20
    assert "too fast" in json.loads(body_of("tripwire", events["tripwire"], {}))["text"]
    assert kind_of({**CERTIFIED, "answer": "uncertified"}) is None
    assert kind_of({**ENDED, "ended": "a word of tomorrow"}) == "halted"


def test_a_title_is_neither_a_link_nor_a_mention() -> None:
    evil = "<!channel> @here [x](https://evil.example) \x1b[2J\u202e\n" + "z" * 5000
    told = json.loads(body_of("certified", {**CERTIFIED, "title": evil}, {"program": "p"}))
    text = told["text"]
    assert not any(sign in text for sign in ("<", ">", "@", "://", "](", "\x1b", "\u202e", "\n"))
    assert len(text) < 400 and len(json.dumps(told)) < 4000


def test_a_receiver_that_fails_is_tried_again_with_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSES_S", (0.01, 0.01))
    with serving(lambda number: (503 if number < 3 else 200, {})) as server:
        hook(server.url).take(ENDED)
    assert len(server.got) == 3 and len({got.headers["webhook-id"] for got in server.got}) == 1
    with serving(lambda number: (500, {})) as server, pytest.raises(ConnectionError, match="status 500"):
        hook(server.url).take(ENDED)
    assert len(server.got) == 3
    with serving(lambda number: (404, {})) as server, pytest.raises(ConnectionError, match="status 404"):
        hook(server.url + "/secret-path").take(ENDED)
    assert len(server.got) == 1  # it will not be there the next time either
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/secret-path"
    with pytest.raises(ConnectionError) as failed:
        hook(url).take(ENDED)
    assert "secret-path" not in str(failed.value)


def test_no_redirect_is_followed() -> None:
    with serving() as other, serving(lambda number: (307, {"Location": other.url})) as server:
        with pytest.raises(ConnectionError, match="status 307"):
            hook(server.url).take(ENDED)
        assert len(server.got) == 1 and not other.got


def test_one_that_hangs_or_drips_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(webhooks, "PAUSES_S", ())
    with hanging() as url, pytest.raises(ConnectionError):
        hook(url).take(ENDED)

    def drip(listening: socket.socket) -> None:
        line, _ = listening.accept()
        try:
            line.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                line.sendall(b"X: y\r\n")
                time.sleep(0.05)
        except OSError:
            line.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        with pytest.raises(ConnectionError):
            hook(f"http://127.0.0.1:{listening.getsockname()[1]}").take(ENDED)
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_what_the_charter_names_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "https://x.example/y")
    monkeypatch.setenv("KEY", "whsec_" + base64.b64encode(b"bytes").decode())
    assert of_environment("env:HOOK", "KEY") == ("https://x.example/y", b"bytes")
    assert of_environment("http://a/b", "") == ("http://a/b", b"")
    monkeypatch.setenv("KEY", "plain words")
    assert of_environment("http://a/b", "KEY")[1] == b"plain words"
    monkeypatch.setenv("HOOK", "file:///etc/passwd")
    for place, secret in (("env:HOOK", ""), ("env:NOBODY", ""), ("http://a", "NOBODY")):
        with pytest.raises(UsageError):
            of_environment(place, secret)


def test_a_listener_never_makes_anybody_wait() -> None:
    held, seen = threading.Event(), list[Any]()

    class Slow:
        def take(self, event: dict[str, Any]) -> None:
            held.wait(30)
            seen.append(event)
            raise ValueError(f"problem {len(seen) % 20}")

        def close(self) -> None:
            seen.append("closed")

    listener = Listener("slow", lambda hurry: Slow())
    for number in range(3000):
        listener.put({"event": "race", "n": number})  # must not wait: nothing takes them
    told = listener.problems()
    assert [row["event"] for row in told] == ["monitoring"] and "too slow" in told[0]["problem"]
    listener.close(time.monotonic() + 0.05)  # it hangs, and is left alone
    held.set()
    listener._thread.join(timeout=30)
    assert not listener._thread.is_alive()

    quick = Listener("quick", lambda hurry: Slow())
    for _ in range(200):
        quick.put({"event": "race"})
    quick.drain(time.monotonic() + 30)
    quick.close(time.monotonic() + 30)
    assert len(quick.problems()) == 5 and seen[-1] == "closed"  # 20 kinds of problems are 5 lines
    broken = Listener("broken", lambda hurry: 1 / 0)  # type: ignore[arg-type, return-value]
    broken.drain(time.monotonic() + 30)
    assert "could not be started" in broken.problems()[0]["problem"]
