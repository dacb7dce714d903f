"""Everyone who uses one archive, as the archive has it: what each engine said of itself, and whether it is there now.

For whoever looks: no lock, no change. What is read here is the word of the engines and of whoever else has the
database; what counts is in each ledger.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfproof.archive import reading
from selfproof.archive.connecting import asking, connect
from selfproof.nouns import UsageError

if TYPE_CHECKING:
    from psycopg import Connection

MOST = 500
"""Programs of one archive that are read."""
LARGEST = 64 << 10
"""Characters of one standing."""
_LOCKED = """
    EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(p.program, 1))"""
_PROGRAMS = f"""
    SELECT p.program, left(p.name, 200), p.entries, left(p.standing, %s), p.seen, {_LOCKED}
    FROM selfproof_program p ORDER BY p.seen DESC NULLS LAST, p.program LIMIT %s"""  # noqa: S608  of our own
_CANDIDATES = "SELECT program, count(*) FROM selfproof_candidate GROUP BY program"


@dataclass(frozen=True)
class Standing:
    """What an engine said of itself: words cut and cleaned, numbers finite."""

    phase: str = ""
    host: str = ""
    key: str = ""
    root: str = ""
    entries: int = 0
    version: int = 0
    certified: int = 0
    refused: int = 0
    waiting: int = 0
    trials: int = 0
    halted: str = ""
    newest: str = ""
    changed: str = ""
    objectives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """One program of an archive; ``connected``: the server sees its engine now."""

    program: str
    name: str
    entries: int
    candidates: int
    seen: datetime | None
    connected: bool
    standing: Standing

    @property
    def state(self) -> str:
        """halted, running, waiting (for people), gone (it said that it ran, and is not there), or at rest."""
        if self.standing.halted:
            return "halted"
        if self.connected:
            return "running"
        if self.standing.phase == "running":
            return "gone"
        return "waiting" if self.standing.waiting else "at rest"


def standing_in(text: Any) -> Standing:
    """A standing as an engine wrote it, or as much of it as has its form."""
    told = reading.parsed(text, LARGEST)
    if not isinstance(told, Mapping):
        return Standing()
    names = told.get("objectives")
    values: dict[str, Any] = {
        key: _count(told.get(key)) for key in ("entries", "version", "certified", "refused", "waiting", "trials")
    }
    for key in ("phase", "host", "key", "root", "halted", "newest", "changed"):
        values[key] = reading.words(told.get(key), 200)
    some = [reading.words(name, 40) for name in names[:64]] if isinstance(names, list) else []
    return Standing(**values, objectives=tuple(filter(None, some)))


def _count(value: Any) -> int:
    found = reading.number(value)
    return int(found) if found is not None and 0 <= found < 1e15 and math.floor(found) == found else 0


def members(url: str, password_env: str = "") -> list[Member]:
    """All programs of an archive, whoever was heard of last first.

    Raises:
        UsageError: the address is none, or the database holds no archive.
        ArchiveLost: it cannot be reached.
    """
    link = connect(url, password_env, migrate=False)
    try:
        with asking(url):
            rows = link.execute(_PROGRAMS, (LARGEST, MOST)).fetchall()
            counts = {name: int(many) for name, many in link.execute(_CANDIDATES).fetchall()}
    finally:
        link.close()
    return [
        Member(row[0], reading.words(row[1], 200), reading.count(row[2]), counts.get(row[0], 0), row[4], bool(row[5]),
               standing_in(row[3]))
        for row in rows if reading.is_program(row[0])
    ]  # fmt: skip


def forget(url: str, program: str, password_env: str = "") -> int:
    """Take a program's rows out of an archive; how many candidates there were. Its ledger would refill them.

    Raises:
        UsageError: no program or several are called so, or its engine is there now.
        ArchiveLost: the archive cannot be reached.
    """
    link = connect(url, password_env, migrate=False)
    try:
        with asking(url), link.transaction():
            return _forget(link, program)
    finally:
        link.close()


def _forget(link: Connection[tuple[Any, ...]], program: str) -> int:
    found = link.execute(
        "SELECT program FROM selfproof_program WHERE program LIKE %s OR name = %s LIMIT 2",
        (program.replace("%", "").replace("_", "") + "%" if len(program) >= 4 else "", program),
    ).fetchall()
    if len(found) != 1:
        many = "several programs are" if found else "no program is"
        raise UsageError(f"{many} called {program!r} in this archive", advice="`selfproof archive check` lists them.")
    name = found[0][0]
    free = link.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))", (name,)).fetchone()
    if free is None or not free[0]:
        raise UsageError(f"the engine of {program!r} is running", advice="Stop it first.")
    counted = link.execute("SELECT count(*) FROM selfproof_candidate WHERE program = %s", (name,)).fetchone()
    link.execute("DELETE FROM selfproof_program WHERE program = %s", (name,))
    return int(counted[0]) if counted else 0
