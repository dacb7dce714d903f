"""The store of experience: one row for each edit that was raced, of all programs of this user, on this machine.

A row holds numbers, words of ours and hashes; no code, no title, no path. Programs are told of it in shares only
(`learn.shares`). Several runs may write at once; the newest `MOST` rows are kept.
"""

from __future__ import annotations

import ast
import datetime
import hashlib
import math
import os
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.learn.shares import ELSEWHERE, OTHER_KIND, Tally, shrunk
from selfproof.nouns import IMPROVER
from selfproof.operators import OPERATORS
from selfproof.operators.sites import MANY, TEXT, UNKNOWN, site_of
from selfproof.operators.speed import FILE, STAGES

VARIABLE = "SELFPROOF_EXPERIENCE"
MOST = 200_000
WAIT_S = 2.0  # for another run's lock
LONGEST_LINE = 256  # ancestors that a certificate is credited to
MOST_IDEAS = 500  # that an improver is told
REPEATED = 2  # times that an idea must have led nowhere, and never anywhere, before it counts as failed
OTHER = "other"
OUTCOMES = ("raced", "equal", "worse", "slow", "invalid")
NAMES = frozenset(
    [*OPERATORS, "crossover", "together", "hoist", "set membership", "call cache", "recursion cache", "all rewrites"]
    + [kind.__name__.replace("_", " ") for stage in STAGES for kind in stage]
)
"""Operators that are told apart. An improver may call its edits anything: other names are not kept."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE edit(
        number INTEGER PRIMARY KEY, time TEXT NOT NULL, program TEXT NOT NULL, candidate TEXT NOT NULL,
        parent TEXT NOT NULL, kind TEXT NOT NULL, metric TEXT NOT NULL, operator TEXT NOT NULL, proposer TEXT NOT NULL,
        site TEXT NOT NULL, depth INTEGER NOT NULL, size_before INTEGER NOT NULL, size_after INTEGER NOT NULL,
        ratio REAL, idea TEXT NOT NULL, outcome TEXT NOT NULL, gain REAL, certified INTEGER,
        UNIQUE (program, candidate));
    CREATE INDEX by_context ON edit(kind, metric, operator, site);
    """,
)

IDEA = re.compile(r"[0-9a-f]{16}")
INSERT = "INSERT OR IGNORE INTO edit VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


@dataclass(frozen=True)
class Attempt:
    """An edit that was raced: ``before`` and ``after`` are what it changed, of which only features are kept.

    ``gain`` is relative to its parent's score (for speed the log of the ratio of times), None without a valid answer.
    """

    candidate: str
    parent: str
    kind: str
    metric: str
    operator: str
    proposer: str
    outcome: str
    gain: float | None
    before: str
    after: str


def place() -> Path | None:
    """Where the store is: what ``SELFPROOF_EXPERIENCE`` says, else below XDG_DATA_HOME; None if it is switched off."""
    said = os.environ.get(VARIABLE, "")
    if said.lower() == "off":
        return None
    if said:
        return Path(said).expanduser()
    base = os.environ.get("XDG_DATA_HOME", "")
    data = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return data / "selfproof" / "experience.db"


def short(name: str) -> str:
    """A program's or a candidate's name as the store keeps it: 16 digits of its hash."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def known(operator: str) -> str:
    """An operator's name, "other" for one that is not ours."""
    name = operator.removeprefix(FILE)
    return name if name in NAMES else OTHER


def proposed_by(name: str) -> str:
    """What kind of proposer suggested an edit; models and agents are not named."""
    if name in {IMPROVER, "inbox"}:
        return name
    return "agent" if name.startswith("agent") else "model"


def row_of(program: str, attempt: Attempt, now: str) -> tuple[Any, ...]:
    """The row of an attempt, in the order of the table's columns after ``number``."""
    site = site_of(attempt.before, attempt.after)
    gain = attempt.gain if attempt.gain is not None and math.isfinite(attempt.gain) else None
    outcome = attempt.outcome if attempt.outcome in OUTCOMES else OTHER
    return (
        now, program, short(attempt.candidate), short(attempt.parent), attempt.kind, attempt.metric[:60],
        known(attempt.operator), proposed_by(attempt.proposer), site.kind, site.depth, site.before, site.after,
        site.ratio, site.idea, outcome, gain, None,
    )  # fmt: skip


class Store:
    """One connection for writing; whoever made it closes it.

    Raises:
        sqlite3.Error, OSError: (from every method) the file is damaged, locked, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None, timeout=WAIT_S)
        try:
            _form(self._db)  # before anything is changed
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._migrate()
        except BaseException:
            self._db.close()
            raise

    def _migrate(self) -> None:
        """Bring the file to this version's form; the lock comes first, since another run may be at it too."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            done = _form(self._db)
            for number, script in enumerate(MIGRATIONS[done:], start=done + 1):
                for statement in filter(str.strip, script.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={number}")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def add(self, program: str, attempts: Iterable[Attempt]) -> None:
        """One row for each attempt, in one transaction; a candidate's second attempt is not counted again."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        rows = [row_of(program, attempt, now) for attempt in attempts]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(INSERT, rows)
            self._db.execute("DELETE FROM edit WHERE number <= (SELECT max(number) FROM edit) - ?", (MOST,))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def decided(self, program: str, candidate: str, certified: bool) -> None:
        """A confirmation of a candidate ended; its certificate is credited to the edits that it was made from, too.

        Those are its ancestors up to the first that was certified before, or that is not in the store.
        """
        name = short(candidate)
        if not certified:
            self._db.execute(
                "UPDATE edit SET certified=0 WHERE program=? AND candidate=? AND certified IS NULL", (program, name)
            )
            return
        for _ in range(LONGEST_LINE):
            query = "SELECT parent, certified FROM edit WHERE program=? AND candidate=?"
            row = self._db.execute(query, (program, name)).fetchone()
            if row is None or row[1] == 1:
                return
            self._db.execute("UPDATE edit SET certified=1 WHERE program=? AND candidate=?", (program, name))
            name = row[0]

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def told(path: Path, kind: str, metric: str, operators: Sequence[str]) -> dict[str, Any]:
    """What an improver is told for an objective: see `shares.shrunk`, ``rows``, and ``failed`` (`_failed`);
    nothing where nothing is known.

    Names come from ``operators`` and from Python's syntax, never from the file: another program cannot put words here.

    Raises:
        sqlite3.Error: the file is damaged, locked or of a newer version.
    """
    tallies: dict[tuple[str, str], Tally] = {}
    rows = 0
    for (operator, site, its_kind, its_metric), tally in _tallies(path).items():
        rows += int(tally.tried)
        if operator in operators and (site in {MANY, TEXT, UNKNOWN} or hasattr(ast, site)):
            weight = OTHER_KIND if its_kind != kind else 1.0 if its_metric == metric else ELSEWHERE
            tallies[operator, site] = tallies.get((operator, site), Tally()).plus(tally, weight)
    return {"rows": rows, **shrunk(tallies), "failed": _failed(path, kind, metric)} if tallies else {}


def _failed(path: Path, kind: str, metric: str) -> list[str]:
    """Hashes of ideas that were tried on this metric at least `REPEATED` times, that no race kept and no certificate
    rests on; those that were tried most often first, at most `MOST_IDEAS`.
    """
    query = (
        "SELECT idea FROM edit WHERE kind = ? AND metric = ? AND site NOT IN (?, ?) GROUP BY idea"
        " HAVING count(*) >= ? AND sum(outcome = 'raced') = 0 AND sum(certified IS 1) = 0"
        " ORDER BY count(*) DESC, idea LIMIT ?"
    )
    with closing(_reading(path)) as db:
        found = [str(row[0]) for row in db.execute(query, (kind, metric, TEXT, UNKNOWN, REPEATED, MOST_IDEAS))]
    return [idea for idea in found if IDEA.fullmatch(idea)]


def _tallies(path: Path) -> dict[tuple[str, str, str, str], Tally]:
    """Counts by operator, site, kind and metric."""
    query = (
        "SELECT operator, site, kind, metric, count(*), sum(outcome = 'raced'), sum(certified IS 1) FROM edit"
        " GROUP BY operator, site, kind, metric ORDER BY operator, site, kind, metric"
    )
    if not path.exists():
        return {}
    with closing(_reading(path)) as db:
        if not _form(db):  # a run is making it just now
            return {}
        return {tuple(map(str, row[:4])): Tally(*map(float, row[4:])) for row in db.execute(query)}  # type: ignore[misc]


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)
    try:
        _form(db)
    except BaseException:
        db.close()
        raise
    return db


def _form(db: sqlite3.Connection) -> int:
    """How many migrations a file has seen.

    Raises:
        sqlite3.Error: it is no database, or has seen more than there are.
    """
    form = int(db.execute("PRAGMA user_version").fetchone()[0])
    if form > len(MIGRATIONS):
        raise sqlite3.DatabaseError(f"it was written by a newer version (form {form})")
    return form


def summary(path: Path) -> dict[str, Any]:
    """What the store holds: rows, programs, first and last day, and counts by kind, metric and operator.

    Raises:
        sqlite3.Error: the file is damaged, locked or of a newer version.
    """
    operators: dict[tuple[str, str, str], Tally] = {}
    for (operator, _, kind, metric), tally in _tallies(path).items():
        operators[kind, metric, operator] = operators.get((kind, metric, operator), Tally()).plus(tally)
    if not operators:
        return {"rows": 0, "programs": 0, "first": None, "last": None, "operators": []}
    with closing(_reading(path)) as db:
        rows, programs, first, last = db.execute(
            "SELECT count(*), count(DISTINCT program), min(time), max(time) FROM edit"
        ).fetchone()
    return {"rows": rows, "programs": programs, "first": first, "last": last, "operators": _listed(operators)}


def _listed(operators: Mapping[tuple[str, str, str], Tally]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "metric": metric, "operator": operator, "tried": int(tally.tried), "kept": int(tally.kept),
         "certified": int(tally.certified)}
        for (kind, metric, operator), tally in sorted(operators.items())
    ]  # fmt: skip


def forget(path: Path) -> bool:
    """Delete the store with what SQLite keeps beside it; whether there was one.

    Raises:
        OSError: it cannot be deleted.
    """
    there = path.exists()
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)
    return there
