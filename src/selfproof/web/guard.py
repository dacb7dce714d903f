"""What every request passes before a page sees it (ASGI): host, method, body, session; and headers of every answer."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Collection, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from selfproof.web import security
from selfproof.web.security import Door, Session

FREE = ("/static/", "/enter", "/favicon.ico")
"""What needs no session: nothing of a program is there."""


class Guard:
    """Wraps the pages; ``request.scope["session"]`` is whose request it is."""

    def __init__(self, app: ASGIApp, door: Door, names: Collection[str], cookie: str) -> None:
        """``names``: how this server may be called; ``cookie``: what its sessions' cookie is called."""
        self.app, self.door, self.names, self.cookie = app, door, names, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_headers(send)
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        if not security.host_is_ours(headers.get("host"), self.names):
            await _refuse(send, 421, "this server has another name")
            return
        if scope["method"] not in security.METHODS:
            await _refuse(send, 405, "method not allowed")
            return
        session = self.door.session(self._cookie(headers), headers.get("authorization"))
        if scope["method"] in security.CHANGES:
            # What a browser does not send by itself, no page of somebody else's can make it send.
            own = session is not None and session.bearer and "origin" not in headers
            if not own and not security.sent_by_us(headers, self.names):
                await _refuse(send, 403, "this did not come from a page of this server")
                return
        body = await _body(headers, receive)
        if isinstance(body, int):
            await _refuse(send, body, "the body is too large" if body == 413 else "the body did not come in time")
            return
        scope["session"] = session
        scope["still"] = lambda: self.door.session(self._cookie(headers), headers.get("authorization")) is not None
        if session is None and not scope["path"].startswith(FREE):
            scope = {**scope, "path": "/enter", "raw_path": b"/enter", "method": "GET", "asked": scope["path"]}
        await self.app(scope, _again(body, receive), send)

    def _cookie(self, headers: MutableMapping[str, str]) -> str | None:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return None
        return found.value if found is not None else None


def session_of(scope: Scope) -> Session | None:
    """Whose request this is."""
    found: Session | None = scope.get("session")
    return found


async def _body(headers: MutableMapping[str, str], receive: Receive) -> bytes | int:
    """A request's whole body, or the status of its refusal: too large, or too slow."""
    told = headers.get("content-length", "0")
    if not told.isdecimal() or int(told) > security.LARGEST_BODY:
        return 413
    body = bytearray()
    try:
        async with asyncio.timeout(security.BODY_S):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > security.LARGEST_BODY:
                    return 413
                if message["type"] != "http.request" or not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        return 408


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read to whoever asks next, and then what the connection has to say."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            there = {key.lower() for key, _ in headers}
            more = [(k.encode(), v.encode()) for k, v in security.HEADERS.items() if k.encode() not in there]
            message = {**message, "headers": headers + more}
        await send(message)

    return sent


async def _refuse(send: Send, status: int, why: str) -> None:
    body = html.escape(why).encode() + b"\n"
    headers: Any = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()),
                    (b"connection", b"close")]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
