"""The charter's [archive]: where the candidates that were raced lie. Values, and the form that they must have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

LOCAL = "local"
QUERY = (
    "host", "port", "options", "target_session_attrs", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl",
    "channel_binding", "gssencmode",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ArchiveSection:
    """Where the candidates that were raced lie. It is a cache: the ledger refills it, here or there."""

    url: str = "local"
    """"local" (SQLite in this folder), or "postgresql://USER@HOST/DATABASE" for several programs and engines in one
    database (docs/archive.md, extra `postgres`). Never with a password: PGPASSWORD, ~/.pgpass, or the next line."""
    password_env: str = ""
    """NAME of the environment variable that holds the password; "": as libpq finds one."""
    share: bool = True
    """Whether engines of the same program, tasks and objective in one database divide a quality search, and take good
    candidates over from each other. Never in a run with --seed."""


def fault(told: ArchiveSection) -> str | None:
    """What is wrong with it, or None."""
    if told.password_env and re.fullmatch(r"[A-Za-z_]\w*", told.password_env) is None:
        return f"password_env = {told.password_env!r} is not a name"
    return url_fault(told.url)


def url_fault(url: str) -> str | None:
    """What is wrong with an archive's address, or None. It may not hold a password: charters are in the ledger, and a
    command line is seen by every account of a machine. The answer never repeats one."""
    if url == LOCAL:
        return None
    try:
        parts = urlsplit(url)
        asked = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        told = parts.password, parts.port  # reading a port may fail
    except ValueError:
        return "url is no address"
    if parts.scheme not in ("postgresql", "postgres") or not url.isprintable() or " " in url:
        return 'url must be "local" or "postgresql://USER@HOST/DATABASE"'
    if told[0] is not None or any("password" in name.lower() for name, _ in asked):
        return "url holds a password; take PGPASSWORD, ~/.pgpass or password_env instead"
    if strange := [name for name, _ in asked if name not in QUERY]:
        return f"url asks for {strange[0]!r}; known here: {', '.join(QUERY)}"
    return None
