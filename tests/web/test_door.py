"""Nobody comes in without a token, no other page acts for somebody who has, and nothing but pages is there."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from visiting import HOME, TOKEN, Visitor, in_a_loop

from selfproof.web import guard, security
from selfproof.web.security import Door, Session, host_is_ours, names_of, sent_by_us

PATHS = ("", "log", "versions", "ledger", "ledger/0", "ledger/bundle?from=0", "ledger/checkpoint", "stop", "review",
         "controls", "report", "live")  # fmt: skip


@pytest.fixture(scope="module")
def visitor(finite_life: Any) -> Visitor:
    return Visitor(finite_life.folder)


@pytest.fixture
def stranger(finite_life: Any) -> Visitor:
    return Visitor(finite_life.folder, token=None)


@pytest.fixture
def copy(finite_life: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finite_life.folder, tmp_path / "copy"))


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_there_is_nothing_but_the_door(stranger: Visitor, path: str) -> None:
    for made in (f"/p/finite/{path}", f"/api/v1/finite/{path}", "/", "/api/v1/programs"):
        answer = stranger.get(made)
        assert answer.status_code == 401 and "finite" not in answer.text.replace(made.partition("?")[0], "")
        assert stranger.get(made, authorization="Bearer wrong").status_code == 401
        assert stranger.get(made, cookie="selfproof=wrong").status_code == 401


def test_the_token_is_exchanged_once_for_a_cookie_that_scripts_and_others_cannot_use(stranger: Visitor) -> None:
    wrong = stranger.client.post("/enter", data={"token": TOKEN[:-1]}, headers={"origin": HOME})
    assert wrong.status_code == 401 and "set-cookie" not in wrong.headers
    answer = stranger.client.post("/enter", data={"token": TOKEN}, headers={"origin": HOME})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303 and "httponly" in cookie and "samesite=strict" in cookie and "domain" not in cookie
    assert TOKEN not in cookie and stranger.get("/").status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example:8000", "127.0.0.1:9",
                                  "localhost", "", "127.0.0.1:8000@evil.example"])  # fmt: skip
def test_another_name_for_this_machine_is_refused(visitor: Visitor, host: str) -> None:
    for path in ("/", "/p/finite/", "/static/app.css", "/enter", "/api/v1/finite/status"):
        answer = visitor.get(path, host=host)
        assert answer.status_code == 421 and "finite" not in answer.text


@pytest.mark.parametrize("headers", [
    {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9"}, {"origin": ""},
    {"origin": f"{HOME}.evil.example"}, {"origin": HOME, "sec-fetch-site": "cross-site"},
    {"origin": HOME, "sec-fetch-site": "same-site"},
])  # fmt: skip
def test_what_another_page_sends_changes_nothing(copy: Path, headers: dict[str, str]) -> None:
    visitor = Visitor(copy)
    assert visitor.enter() == 303
    told = {"word": visitor.word("/p/copy/stop"), "reason": "forged"}
    assert visitor.post("/p/copy/stop", told, **headers).status_code == 403
    assert visitor.post("/api/v1/copy/stop", told, **headers).status_code == 403
    assert not (copy / "STOP").exists()


def test_a_form_counts_only_with_its_own_sessions_word(copy: Path) -> None:
    one, other = Visitor(copy), Visitor(copy)
    assert one.enter() == 303 and other.enter() == 303
    for word in ("", "x", other.word("/p/copy/stop")):
        assert one.post("/p/copy/stop", {"word": word}).status_code == 403
        assert one.post("/api/v1/copy/pause", {"word": word}).status_code == 403
    assert not (copy / "STOP").exists() and not (copy / ".selfproof" / "pause").exists()


def test_every_answer_keeps_other_pages_and_scripts_of_strangers_out(visitor: Visitor, stranger: Visitor) -> None:
    for answer in (visitor.get("/p/finite/"), visitor.get("/nowhere"), visitor.get("/static/app.js"),
                   stranger.get("/"), visitor.get("/", host="evil"),
                   visitor.client.request("DELETE", "/")):  # fmt: skip
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["x-frame-options"] == "DENY" and answer.headers["x-content-type-options"] == "nosniff"
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_pages_hold_no_inline_script_style_or_address_of_another_machine(visitor: Visitor) -> None:
    keys = re.findall(r'data-go="(.)"', visitor.get(visitor.front).text)
    assert len(keys) > 8 and len(set(keys)) == len(keys), "two pages have one key"
    for path in visitor.pages:
        text = re.sub(r"<pre.*?</pre>", "", visitor.get(path).text, flags=re.DOTALL)
        assert not re.search(r"<script(?![^>]* src=\"/static/)(?![^>]*type=\"application/json\")", text), path
        assert not re.search(r"<[^>]*\s(style|on[a-z]+)=", text), path
        assert not re.search(r"(src|href|action|hx-get)=\"(https?:)?//", text), path
        assert "javascript:" not in text, path


@pytest.mark.parametrize("path", [
    "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/%2e%2e/charter.toml", "/static/", "/static", "/p/",
    "/p/finite/../../etc/passwd", "/p/..%2f..%2f/", "/p/finite/ledger/blob/..%2f..%2fkey", "/static/app.css/..",
    "/p/finite/ledger/blob/" + "A" * 64, "/p/finite/ledger/-1", "/p/finite/ledger/99999999",
    "/p/finite/.selfproof/key", "/static/VENDORED.json", "/p/finite/report/..%2f..%2fcharter.toml",
])  # fmt: skip
def test_no_path_leads_to_a_file(visitor: Visitor, finite_life: Any, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code in {303, 307, 400, 404}, answer.status_code
    key = (finite_life.folder / ".selfproof" / "key").read_bytes()
    assert key not in answer.content and b"[program]" not in answer.content and b"root:" not in answer.content


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_other_methods_are_refused(visitor: Visitor, method: str) -> None:
    assert visitor.client.request(method, "/p/finite/stop").status_code == 405
    assert visitor.post("/p/finite/").status_code in {403, 404, 405}


def test_a_body_that_is_too_large_or_too_slow_is_given_up(visitor: Visitor, monkeypatch: Any) -> None:
    assert visitor.post("/p/finite/stop", {"word": "x" * security.LARGEST_BODY}).status_code == 413
    answer = visitor.client.post("/enter", content=b"", headers={"content-length": "-5", "origin": HOME})
    assert answer.status_code == 413
    monkeypatch.setattr(security, "BODY_S", 0.05)

    async def never() -> Any:
        await asyncio.sleep(60)

    assert in_a_loop(guard._body({"content-length": "5"}, never)) == 408

    async def drips() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    assert in_a_loop(guard._body({}, drips)) == 408


def test_read_only_means_that_nothing_can_be_changed(copy: Path) -> None:
    visitor = Visitor(copy, read_only=True)
    assert visitor.enter() == 303 and "read only" in visitor.get("/p/copy/").text
    assert visitor.get("/p/copy/stop").status_code == 403
    for path in ("/p/copy/stop", "/api/v1/copy/stop", "/api/v1/copy/pause", "/p/copy/review/3/sign"):
        assert visitor.post(path, {}).status_code == 403
    assert not (copy / "STOP").exists()


def test_names_hosts_and_origins_are_compared_whole() -> None:
    ours = names_of("127.0.0.1", 8123)
    assert host_is_ours("LOCALHOST:8123", ours) and not host_is_ours("localhost:81234", ours)
    assert not host_is_ours(None, ours) and names_of("10.0.0.5", 80) == {"10.0.0.5:80", "10.0.0.5"}
    assert sent_by_us({"origin": "http://localhost:8123"}, ours)
    for origin in ("localhost:8123", "file://localhost:8123", "http://localhost:8123/", "http://x@localhost:8123"):
        assert not sent_by_us({"origin": origin}, ours), origin


def test_a_session_ends_with_its_time_and_with_the_token_that_opened_it() -> None:
    now, good = [0.0], {"theirs": Session("auditor", frozenset({"read", "stop"}), only="a")}
    door = Door("owner's", known=good.get, clock=lambda: now[0])
    owner, auditor = door.enter("owner's"), door.enter("theirs")
    assert owner is not None and auditor is not None and door.enter("nobody's") is None
    found = door.session(auditor[0], None)
    assert found is not None and found.may("stop") and not found.may("operate") and found.only == "a"
    del good["theirs"]
    assert door.session(auditor[0], None) is None and door.session(None, "Bearer theirs") is None
    assert door.session(owner[0], None) is not None
    now[0] = security.SESSION_S + 1
    assert door.session(owner[0], None) is None


def test_sessions_do_not_pile_up() -> None:
    door = Door("t")
    cookies = [door.enter("t")[0] for _ in range(security.SESSIONS + 5)]  # type: ignore[index]
    assert door.session(cookies[0], None) is None and door.session(cookies[-1], None) is not None
    assert len(door._sessions) == security.SESSIONS


def test_what_was_vendored_is_what_its_makers_published() -> None:
    from hashlib import sha256

    folder = Path(security.__file__).parent / "static"
    listed = json.loads((folder / "VENDORED.json").read_text())
    for one in listed:
        assert sha256((folder / one["file"]).read_bytes()).hexdigest() == one["sha256"], one["file"]
        assert (folder / one["licence_file"]).stat().st_size > 100
    own = {"app", "enter", "verify", "verify_worker"}
    unlisted = {p.name for p in folder.glob("*.min.*")} - {one["file"] for one in listed}
    assert not unlisted and own <= {p.stem for p in folder.glob("*.js")}


def test_the_process_serves_this_machine_alone_and_ends_with_ctrl_c(cli: Any, finite_life: Any, tmp_path: Path) -> None:
    refused = cli.run("web", "--host", "0.0.0.0", "--at", finite_life.folder)
    assert refused.code == 2 and "--token-file" in refused.err
    loose = tmp_path / "token"
    loose.write_text("s" * 40)
    loose.chmod(0o644)
    assert "can be read by others" in cli.run("web", "--token-file", loose, "--at", finite_life.folder).err
    process = cli.launch("web", "--json", "--at", finite_life.folder)
    try:
        ready = json.loads(process.stdout.readline())
        port = int(ready["address"].rpartition(":")[2])
        assert ready["url"] == f"{ready['address']}/#token={ready['token']}" and len(ready["token"]) > 40
        with socket.create_connection(("127.0.0.1", port), 5) as slow:  # one that never ends its request
            slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
            said: list[bytes] = []
            asking = threading.Thread(target=_streamed, args=(port, ready["token"], said))
            asking.start()
            until = time.monotonic() + 10
            while not said and time.monotonic() < until:
                time.sleep(0.02)
            assert b"200 OK" in said[0] and b"text/event-stream" in said[0]
            begun = time.monotonic()
            process.send_signal(2)
            assert process.wait(10) == 0 and time.monotonic() - begun < 8
            asking.join(5)
    finally:
        cli.end(process)


def _streamed(port: int, token: str, said: list[bytes]) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as wire:
        head = f"GET /p/finite/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        wire.sendall(head.encode())
        while part := wire.recv(4096):
            said.append(part)
