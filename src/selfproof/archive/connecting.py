"""A connection to PostgreSQL, its tables as this version needs them, and its errors as ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from selfproof.archive.migrations import POSTGRES
from selfproof.archive.protocol import ArchiveLost
from selfproof.charter.archiving import url_fault
from selfproof.nouns import UsageError

if TYPE_CHECKING:
    from psycopg import Connection

Link = "Connection[tuple[Any, ...]]"

CONNECT_S = 5
ANSWER_MS = 20_000
"""Milliseconds after which the server gives a statement up."""
LOCK = 0x73656C66  # of migrations


def connect(url: str, password_env: str = "", *, migrate: bool = True) -> Connection[tuple[Any, ...]]:
    """Open a connection, with the tables made or brought up to date if ``migrate``.

    Raises:
        UsageError: the address is none, the driver is missing, the named password is not there, or the tables are of a
            later version than this package's.
        ArchiveLost: the server cannot be reached, or refuses.
    """
    if wrong := url_fault(url):
        raise UsageError(f"archive: {wrong}", advice="For instance postgresql://selfproof@db.example/selfproof")
    psycopg = driver()
    more = {}
    if password_env:
        if password_env not in os.environ:
            raise UsageError(f"archive: the environment has no {password_env}", advice="password_env names it.")
        more["password"] = os.environ[password_env]
    with asking(url):
        link: Connection[tuple[Any, ...]] = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_S, application_name="selfproof", keepalives=1,
            keepalives_idle=5, keepalives_interval=2, keepalives_count=3, tcp_user_timeout=10_000, **more,
        )  # fmt: skip
    try:
        with asking(url):
            link.execute(f"SET statement_timeout = {ANSWER_MS}")
            link.execute(f"SET lock_timeout = {ANSWER_MS // 2}")
            link.execute("SET client_min_messages = warning")
            _fit(link, migrate)
    except BaseException:
        link.close()
        raise
    return link


def _fit(link: Connection[tuple[Any, ...]], migrate: bool) -> None:
    """See that the tables are of this version, one engine at a time."""
    with link.transaction():
        link.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        found = link.execute("SELECT to_regclass('selfproof_schema')").fetchone()
        done = 0
        if found is not None and found[0] is not None:
            row = link.execute("SELECT version FROM selfproof_schema").fetchone()
            done = int(row[0]) if row else 0
        if done > len(POSTGRES):
            raise UsageError(
                f"the archive's tables are of version {done}, and this selfproof knows {len(POSTGRES)}",
                advice="Update selfproof here too, or use another database.",
            )
        if done == len(POSTGRES):
            return
        if not migrate:
            raise UsageError("this database holds no archive of this version", advice="`selfproof run` makes it.")
        if not done:
            link.execute("CREATE TABLE selfproof_schema(version BIGINT NOT NULL)")
            link.execute("INSERT INTO selfproof_schema VALUES (0)")
        for script in POSTGRES[done:]:
            link.execute(script)
        link.execute("UPDATE selfproof_schema SET version = %s", (len(POSTGRES),))


def driver() -> Any:
    """psycopg, which comes with an extra.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import psycopg
    except ImportError:
        raise UsageError(
            "an archive on PostgreSQL needs the extra postgres", advice="pip install 'selfproof[postgres]'"
        ) from None
    return psycopg


@contextmanager
def asking(url: str) -> Iterator[None]:
    """Whatever goes wrong with the server is ``ArchiveLost``, in one line.

    Raises:
        ArchiveLost: something did.
    """
    psycopg = driver()
    try:
        yield
    except psycopg.Error as error:
        told = " ".join(str(error).split())[:300] or type(error).__name__
        raise ArchiveLost(
            f"the archive at {shown(url)}: {told}",
            advice="Nothing is lost: the ledger holds it. `selfproof archive check` tries the connection; "
            "`--archive local` goes on without it.",
        ) from None


def shown(url: str) -> str:
    """An address as messages name it: no user, no query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
