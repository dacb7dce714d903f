"""The archive on SQLite: every candidate that was ever raced. A cache; delete it and the next start refills it.

Rows come from the ledger's propose and race leaves and nowhere else; ``caught_up`` remembers how far it has read.
``archive.postgres`` is the same on a server; both keep ``selfproof.testing.ArchiveContract``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from selfproof.archive.overseen import LeafLike
from selfproof.archive.protocol import Shared, rows_in
from selfproof.nouns import SelfproofError

AT_ONCE = 256
"""Entries of one transaction of a refill."""

MIGRATIONS: list[str] = [
    """
    CREATE TABLE candidate(
        id TEXT NOT NULL, objective TEXT NOT NULL, batch INTEGER NOT NULL, parent TEXT NOT NULL, title TEXT NOT NULL,
        operator TEXT NOT NULL, files TEXT NOT NULL, form TEXT NOT NULL, outcome TEXT, score REAL, scores TEXT,
        PRIMARY KEY (objective, id));
    CREATE INDEX by_batch ON candidate(objective, batch);
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
    """
    ALTER TABLE candidate ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE candidate ADD COLUMN proposer TEXT NOT NULL DEFAULT '';
    DELETE FROM candidate;
    DELETE FROM meta;
    """,
    # The newest rows of an objective without sorting all of them; nothing asks for a batch.
    """
    DROP INDEX by_batch;
    CREATE INDEX by_objective ON candidate(objective);
    """,
]


class SqliteArchive:
    """One connection to the store; open it with the ledger's blob reader so that it can fill itself."""

    def __init__(self, path: Path, get_blob: Callable[[str], bytes]) -> None:
        self._get_blob = get_blob
        try:
            self._db = self._open(path)
        except sqlite3.DatabaseError:
            # A cache that cannot be read is worth nothing: everything in it comes back from the ledger.
            for leftover in path.parent.glob(path.name + "*"):
                leftover.unlink()
            self._db = self._open(path)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise SelfproofError(f"cannot open the archive {path}: {error}", advice="Is the folder writable?") from None
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        done = db.execute("PRAGMA user_version").fetchone()[0]
        if done > len(MIGRATIONS):
            db.close()
            raise sqlite3.DatabaseError("a newer version's")
        for number, script in enumerate(MIGRATIONS[done:], start=done + 1):
            db.executescript(f"BEGIN; {script}; PRAGMA user_version={number}; COMMIT;")
        return db

    shared: Shared | None = None

    @property
    def caught_up(self) -> int:
        """Number of ledger entries that this cache has taken in."""
        return int(self._meta("entries") or 0)

    @property
    def mark(self) -> str:
        """The time of the newest of them."""
        return self._meta("time")

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def apply(self, leaf: LeafLike) -> None:
        """Take in one leaf; each leaf is one transaction, so a kill leaves no half of it."""
        self.refill([leaf])

    def refill(self, leaves: Iterable[LeafLike]) -> None:
        """Take in many, some hundreds in one transaction."""
        rest = iter(leaves)
        while some := list(islice(rest, AT_ONCE)):
            self._db.execute("BEGIN")
            try:
                self._take(some)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _take(self, some: Sequence[LeafLike]) -> None:
        for leaf in some:
            if leaf.kind == "propose":
                self._propose(leaf.body)
            elif leaf.kind == "race":
                self._race(leaf.body)
        told = (("entries", str(some[-1].index + 1)), ("time", some[-1].time))
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", told)

    def clear(self) -> None:
        """Forget everything."""
        self._db.executescript("BEGIN; DELETE FROM candidate; DELETE FROM meta; COMMIT;")

    def _propose(self, body: dict[str, Any]) -> None:
        rows = rows_in(body["candidates"], self._get_blob)
        self._db.executemany(
            "INSERT OR IGNORE INTO candidate(id, objective, batch, parent, title, operator, files, form, version,"
            " proposer) VALUES (?,?,?,?,?,?,?,?,?,?)",
            [
                (r["id"], body["objective"], body["batch"], r["parent"], r["title"], r["operator"],
                 json.dumps(r["files"]), r["form"], r["version"], r["proposer"])
                for r in rows
            ],
        )  # fmt: skip

    def _race(self, body: dict[str, Any]) -> None:
        rows = rows_in(body["results"], self._get_blob)
        self._db.executemany(
            "UPDATE candidate SET outcome=?, score=?, scores=? WHERE objective=? AND id=?",
            [(r["outcome"], r["score"], json.dumps(r["scores"]), body["objective"], r["id"]) for r in rows],
        )

    def forms(self, objective: str, *, settled: bool = False) -> set[str]:
        """Normal forms of everything that was raced before; with ``settled`` only of what left its race."""
        query = "SELECT form FROM candidate WHERE objective=? AND outcome IS NOT NULL"
        if settled:
            query += " AND outcome != 'raced'"
        return {row[0] for row in self._db.execute(query, (objective,))}

    def forms_of(self, objective: str, ids: Iterable[str]) -> set[str]:
        """Normal forms of these candidates."""
        query = "SELECT form FROM candidate WHERE objective=? AND id=?"
        return {row[0] for one in ids for row in self._db.execute(query, (objective, one))}

    def best(self, objective: str, n: int, *, highest: bool) -> list[dict[str, Any]]:
        """The ``n`` best raced candidates, best first; ``highest`` if a high score is a good one.

        ``files`` are those in which one differs from the version ``version``.
        """
        rows = self._db.execute(
            "SELECT id, files, operator, scores, version FROM candidate WHERE objective=? AND outcome='raced'"
            " AND score IS NOT NULL ORDER BY score * ?, id LIMIT ?",
            (objective, -1 if highest else 1, n),
        )
        return [
            {"id": r[0], "files": json.loads(r[1]), "operator": r[2], "scores": json.loads(r[3]), "version": r[4]}
            for r in rows
        ]

    def history(self, objective: str, n: int) -> list[dict[str, Any]]:
        """The ``n`` newest candidates, oldest first: what the improver may know of past attempts."""
        rows = self._db.execute(
            "SELECT title, operator, outcome, score, id FROM candidate WHERE objective=? ORDER BY rowid DESC LIMIT ?",
            (objective, n),
        ).fetchall()
        return [
            {"title": r[0], "operator": r[1], "outcome": r[2] or "", "score": r[3], "id": r[4]} for r in reversed(rows)
        ]

    def outcome(self, objective: str, candidate: str) -> str | None:
        """What a race said of a candidate, None before it did."""
        query = "SELECT outcome FROM candidate WHERE objective=? AND id=?"
        row = self._db.execute(query, (objective, candidate)).fetchone()
        return row[0] if row else None

    def lineage(self, objective: str) -> Iterator[tuple[str, str]]:
        """(id, parent) of every candidate, oldest first; nothing is read before it is asked for."""
        query = "SELECT id, parent FROM candidate WHERE objective=? ORDER BY rowid"
        yield from self._db.execute(query, (objective,))

    def counts(self) -> dict[str, int]:
        """Candidates per objective."""
        return dict(self._db.execute("SELECT objective, count(*) FROM candidate GROUP BY objective").fetchall())

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
