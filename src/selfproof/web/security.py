"""Who may ask what: pure checks of a request's headers, and the headers of every answer.

    Host      one of ours, or the request came by a name that somebody else pointed at this machine (DNS rebinding)
    Origin    of what changes anything: ours, or another page sent it (CSRF); so does Sec-Fetch-Site
    token     in an HttpOnly, SameSite=Strict cookie after one exchange, or as `Authorization: Bearer`
    form      what a form sends carries its session's own word too

Does not protect against: whoever reads this process's memory or its terminal, where the token is printed; a browser
extension; another account's process on this machine that was told the token; letters that look alike.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

READ, STOP, OPERATE = "read", "stop", "operate"
SCOPES = (READ, STOP, OPERATE)
OWNER = "owner"
"""Who has the token that the process printed."""

LARGEST_BODY = 1 << 17
"""Bytes of a request's body: a signed statement and its signature, with room."""

BODY_S = 10.0
"""Seconds in which a body must be here."""

SESSIONS = 256
SESSION_S = 30 * 86400.0
CHANGES = frozenset({"POST"})
METHODS = frozenset({"GET", "HEAD"}) | CHANGES

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
        "font-src 'self'", "worker-src 'self'", "form-action 'self'", "frame-src 'self'", "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with "no-referrer" a browser sends forms of ours with `Origin: null`
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
"""Of every answer, unless it sets its own."""


@dataclass(frozen=True)
class Session:
    """Somebody who came in: what they may do, and the word that their forms must carry."""

    who: str
    scopes: frozenset[str]
    word: str = ""
    until: float = float("inf")
    bearer: bool = False
    only: str = ""
    """The one program that a token of somebody else's is for; "" for all."""

    def may(self, scope: str) -> bool:
        """Whether this is within what they may do."""
        return scope in self.scopes


@dataclass
class Door:
    """Sessions of this process. ``known`` looks up tokens of others: what they are worth, or None."""

    token: str
    scopes: frozenset[str] = frozenset(SCOPES)
    known: Callable[[str], Session | None] = lambda _token: None
    clock: Callable[[], float] = time.time
    _sessions: dict[str, tuple[Session, str]] = field(default_factory=dict)
    """By the cookie's hash; with the token that opened it, but for the owner's."""

    def opens(self, token: str) -> Session | None:
        """Whose token it is, and what it allows here; None for one that nobody has."""
        if hmac.compare_digest(_digest(token), _digest(self.token)):
            return Session(OWNER, self.scopes)
        found = self.known(token)
        return None if found is None else replace(found, scopes=found.scopes & self.scopes)

    def enter(self, token: str) -> tuple[str, Session] | None:
        """A new session's cookie, for a token that opens; None for another."""
        found = self.opens(token)
        if found is None:
            return None
        while len(self._sessions) >= SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        cookie = secrets.token_urlsafe(32)
        session = replace(found, word=secrets.token_urlsafe(24), until=self.clock() + SESSION_S)
        self._sessions[_digest(cookie).hex()] = session, "" if found.who == OWNER else token
        return cookie, session

    def session(self, cookie: str | None, authorization: str | None) -> Session | None:
        """Whose request this is, by its cookie or its `Authorization: Bearer`; None for nobody's.

        A token of somebody's that was revoked, or that has expired, ends the sessions that it opened.
        """
        if authorization is not None:
            kind, _, token = authorization.partition(" ")
            found = self.opens(token.strip()) if kind.lower() == "bearer" else None
            return None if found is None else replace(found, bearer=True)
        key = _digest(cookie).hex() if cookie else ""
        session, token = self._sessions.get(key, (None, ""))
        if session is not None and (session.until < self.clock() or (token and self.opens(token) is None)):
            self._sessions.pop(key, None)
            return None
        return session


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def host_is_ours(host: str | None, ours: Collection[str]) -> bool:
    """Whether a request was sent to a name of ours, HOST:PORT as the browser wrote it."""
    return host is not None and host.lower() in ours


def sent_by_us(headers: Mapping[str, str], ours: Collection[str]) -> bool:
    """Whether a page of ours sent what would change something: by `Origin`, which browsers always set for it, and by
    `Sec-Fetch-Site` where they do.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    scheme, mark, host = headers.get("origin", "").partition("://")
    return bool(mark) and scheme in {"http", "https"} and host.lower() in ours


def word_is(given: str, session: Session) -> bool:
    """Whether a form carried its session's word."""
    return bool(session.word) and hmac.compare_digest(_digest(given), _digest(session.word))


def names_of(host: str, port: int) -> frozenset[str]:
    """How this server may be called in a request: by its address, and on loopback by the usual names."""
    hosts = {host, "localhost", "127.0.0.1", "[::1]"} if is_loopback(host) else {host}
    return frozenset(
        {f"{name}:{port}".lower() for name in hosts} | ({n.lower() for n in hosts} if port == 80 else set())
    )


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach it."""
    return host in {"localhost", "::1", "[::1]"} or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
