"""The archive on PostgreSQL: one database for many programs and engines, each with rows of its own.

Rows come from the ledger's entries alone, as on SQLite. Beside them stand claims, by which engines of one search keep
from racing the same form, and each engine's word on where it stands. One engine writes for a program at a time: it
holds an advisory lock, which ends with its connection.

Every row is read as a stranger's, one's own too, because whoever has the database may have written it: types, lengths
and finite numbers are checked here (``archive.reading``), and the text of a candidate is screened again before it runs.

Does not protect against: somebody with the database's password who deletes rows (the ledger refills one's own), or who
claims every form, which makes a search find less. Neither certifies anything.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from selfproof import charter as charters
from selfproof.archive import reading
from selfproof.archive.connecting import asking, connect
from selfproof.archive.kin import kins_of
from selfproof.archive.overseen import LeafLike
from selfproof.archive.protocol import ArchiveLost, Shared, Sibling, Taken, rows_in
from selfproof.nouns import SelfproofError

if TYPE_CHECKING:
    from psycopg import Connection

AT_ONCE = 128
"""Entries of one transaction of a refill."""
PAGE = 10_000
"""Rows of a lineage that are read at a time."""
BUSY_S = 5.0
"""Seconds that a dead engine's connection may take to be noticed."""
KEPT = frozenset({"genesis", "charter", "propose", "race", "adopt"})
"""Kinds of entries that rows come from."""

_COLUMNS = "objective, id, batch, parent, title, operator, files, form, kin, version, proposer"
_PROPOSE = f"""
    INSERT INTO selfproof_candidate(program, {_COLUMNS})
    SELECT %s, {_COLUMNS} FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[],
        %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[]) WITH ORDINALITY AS row({_COLUMNS}, number)
    ORDER BY number ON CONFLICT DO NOTHING"""  # noqa: S608  names of our own
_RACE = """
    UPDATE selfproof_candidate AS c SET outcome = r.outcome, score = r.score, scores = r.scores
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::double precision[], %s::text[])
        AS r(objective, id, outcome, score, scores)
    WHERE c.program = %s AND c.objective = r.objective AND c.id = r.id"""
_DONE = """
    DELETE FROM selfproof_claim AS l USING selfproof_candidate AS c
    WHERE l.program = %s AND c.program = l.program AND c.kin = l.kin AND c.form = l.form
        AND c.objective = ANY(%s) AND c.id = ANY(%s)"""
_CLAIM = """
    INSERT INTO selfproof_claim(kin, form, program, until)
    SELECT %s, form, %s, now() + make_interval(secs => %s) FROM unnest(%s::text[]) AS f(form) ORDER BY form
    ON CONFLICT (kin, form) DO UPDATE SET program = excluded.program, until = excluded.until
        WHERE selfproof_claim.program = excluded.program OR selfproof_claim.until < now()
            OR selfproof_claim.until > now() + make_interval(days => 30)
    RETURNING form"""
_RACED = """
    SELECT DISTINCT form FROM selfproof_candidate
    WHERE kin = %s AND form = ANY(%s) AND program <> %s AND outcome IS NOT NULL"""
_BEST = """
    SELECT id, files, operator, scores, version FROM selfproof_candidate
    WHERE program = %s AND objective = %s AND outcome = 'raced' AND score IS NOT NULL AND octet_length(files) <= %s
    ORDER BY score """
_SIBLINGS = """
    SELECT c.program, c.id, c.form, c.title, c.files, v.files FROM selfproof_candidate c
    LEFT JOIN selfproof_version v ON v.program = c.program AND v.number = c.version
    WHERE c.kin = %s AND c.outcome = 'raced' AND c.score IS NOT NULL AND c.program <> %s
        AND (c.version = 0 OR v.files IS NOT NULL)
        AND octet_length(c.files) <= %s AND octet_length(coalesce(v.files, '')) <= %s
        AND NOT EXISTS (SELECT FROM selfproof_candidate o WHERE o.kin = c.kin AND o.form = c.form AND o.program = %s)
    ORDER BY c.score """


class PostgresArchive:
    """One connection, writing for one program. ``program`` is the digest of its ledger's first key."""

    def __init__(
        self, url: str, program: str, name: str, get_blob: Callable[[str], bytes], *, password_env: str = ""
    ) -> None:
        """Connect, make the tables if they are not there, and become the one who writes for this program.

        Raises:
            UsageError: as ``connecting.connect``.
            ArchiveLost: it cannot be reached, or another engine writes for this program.
        """
        self.url, self.program, self._name, self._get_blob = url, program, name, get_blob
        self._link: Connection[tuple[Any, ...]] = connect(url, password_env)
        try:
            self._own()
            with asking(url):
                self._read()
        except BaseException:
            self._link.close()
            raise

    def _own(self) -> None:
        until = time.monotonic() + BUSY_S
        while not self._one("SELECT pg_try_advisory_lock(hashtextextended(%s, 1))", self.program):
            if time.monotonic() > until:
                raise ArchiveLost(
                    "another engine writes to this archive for the same program",
                    advice="A copy of a folder is the same program: run one of them, or with --archive local.",
                )
            time.sleep(0.1)

    def _read(self) -> None:
        self._link.execute(
            "INSERT INTO selfproof_program(program, name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (self.program, self._name[:200]),
        )
        row = self._link.execute(
            "SELECT entries, mark, kins, start FROM selfproof_program WHERE program = %s", (self.program,)
        ).fetchone()
        entries, mark, kins, start = row if row is not None else (0, "", "{}", "")
        self._entries, self._mark, self._kins = max(0, int(entries)), str(mark)[:64], reading.kins(kins)
        self._start = str(start)[:64]
        self._written = self._entries

    def _one(self, query: str, *values: Any) -> Any:
        with asking(self.url):
            row = self._link.execute(query, values).fetchone()
        return row[0] if row is not None else None

    def _all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with asking(self.url):
            return self._link.execute(query, values).fetchall()

    # -- the archive -------------------------------------------------------------------------------------------------

    @property
    def shared(self) -> Shared | None:
        """Itself."""
        return self

    @property
    def caught_up(self) -> int:
        """Number of ledger entries that this cache has taken in."""
        return self._entries

    @property
    def mark(self) -> str:
        """The time of the newest of them."""
        return self._mark

    def apply(self, leaf: LeafLike) -> None:
        """Take in one leaf. One that no row comes from is only counted: it is written down with the next that counts,
        and taken in once more if that never comes."""
        if leaf.kind in KEPT:
            self.refill([leaf])
        else:
            self._entries, self._mark = leaf.index + 1, leaf.time

    def refill(self, leaves: Iterable[LeafLike]) -> None:
        """Take in many, some hundreds in one transaction."""
        rest = iter(leaves)
        while some := list(islice(rest, AT_ONCE)):
            self._take(some)

    def _take(self, some: Sequence[LeafLike]) -> None:
        proposed: list[tuple[Any, ...]] = []
        raced: dict[tuple[str, str], tuple[Any, ...]] = {}
        kins, start = self._kins, self._start
        for leaf in some:  # before the transaction: what the ledger lacks is no fault of the server's
            if leaf.kind in {"genesis", "charter"}:
                start = str(leaf.body.get("tree", "")) if leaf.kind == "genesis" else start
                kins = self._kins_after(leaf, start)
            elif leaf.kind == "propose":
                proposed += self._proposed(leaf.body, kins)
            elif leaf.kind == "race":
                name = leaf.body["objective"]
                for r in rows_in(leaf.body["results"], self._get_blob):
                    score = None if r["score"] is None else float(r["score"])
                    raced[name, r["id"]] = (name, r["id"], r["outcome"], score, json.dumps(r["scores"]))
        adopted = [(leaf.body, self._texts_of(leaf.body)) for leaf in some if leaf.kind == "adopt"]
        entries, mark = some[-1].index + 1, some[-1].time
        with asking(self.url), self._link.pipeline(), self._link.transaction():
            if proposed:
                self._link.execute(_PROPOSE, (self.program, *_columns(proposed)))
            if raced:
                told = _columns(raced.values())
                self._link.execute(_RACE, (*told, self.program))
                self._link.execute(_DONE, (self.program, told[0], told[1]))
            for body, texts in adopted:
                self._adopted(body, texts)
            self._link.execute(
                "UPDATE selfproof_program SET entries = %s, mark = %s, kins = %s, start = %s WHERE program = %s",
                (entries, mark, json.dumps(kins), start, self.program),
            )
        self._entries = self._written = entries
        self._mark, self._kins, self._start = mark, kins, start

    def _kins_after(self, leaf: LeafLike, start: str) -> dict[str, str]:
        """Which searches are its own from this charter on; none where the charter is one that nobody reads any more."""
        try:
            charter = charters.parse(self._get_blob(leaf.body["charter"]).decode())
            return kins_of(charter, leaf.body["tasks"], start)
        except (SelfproofError, KeyError, ValueError):
            return {}

    def _proposed(self, body: dict[str, Any], kins: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
        name = body["objective"]
        for r in rows_in(body["candidates"], self._get_blob):
            yield (
                name, r["id"], body["batch"], _text(r["parent"]), _text(r["title"]), _text(r["operator"]),
                json.dumps(r["files"]), r["form"], kins.get(name), r["version"], _text(r["proposer"]),
            )  # fmt: skip

    def _texts_of(self, body: dict[str, Any]) -> dict[str, str]:
        """The texts that an adoption changed, by path."""
        known = {blob["$blob"] for blob in body["texts"]}
        return {path: self._get_blob(digest).decode() for path, digest in body["files"].items() if digest in known}

    def _adopted(self, body: dict[str, Any], texts: Mapping[str, str]) -> None:
        """Remember in which texts a version differs from version 0, so that others can read what was built on it."""
        row = self._link.execute(
            "SELECT files FROM selfproof_version WHERE program = %s AND number = %s", (self.program, body["parent"])
        ).fetchone()
        before = reading.files(row[0]) if row is not None else {}
        self._link.execute(
            "INSERT INTO selfproof_version VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (self.program, body["version"], json.dumps({**(before or {}), **texts})),
        )

    def clear(self) -> None:
        """Forget everything of this program's."""
        with asking(self.url), self._link.transaction():
            for table in ("candidate", "version", "claim"):
                self._link.execute(f"DELETE FROM selfproof_{table} WHERE program = %s", (self.program,))  # noqa: S608
            self._link.execute(
                "UPDATE selfproof_program SET entries = 0, mark = '', kins = '{}' WHERE program = %s", (self.program,)
            )
        self._entries, self._mark, self._kins, self._start, self._written = 0, "", {}, "", 0

    def forms(self, objective: str, *, settled: bool = False) -> set[str]:
        """Normal forms of everything that was raced before; with ``settled`` only of what left its race."""
        query = "SELECT form FROM selfproof_candidate WHERE program = %s AND objective = %s AND outcome IS NOT NULL"
        if settled:
            query += " AND outcome <> 'raced'"
        return {row[0] for row in self._all(query, self.program, objective) if reading.is_form(row[0])}

    def forms_of(self, objective: str, ids: Iterable[str]) -> set[str]:
        """Normal forms of these candidates."""
        query = "SELECT form FROM selfproof_candidate WHERE program = %s AND objective = %s AND id = ANY(%s)"
        return {row[0] for row in self._all(query, self.program, objective, list(ids)) if reading.is_form(row[0])}

    def best(self, objective: str, n: int, *, highest: bool) -> list[dict[str, Any]]:
        """The ``n`` best raced candidates, best first; ``highest`` if a high score is a good one."""
        query = f"{_BEST}{'DESC' if highest else 'ASC'}, id LIMIT %s"
        rows = self._all(query, self.program, objective, reading.LARGEST, n)
        return [row for row in map(reading.member, rows) if row is not None]

    def history(self, objective: str, n: int) -> list[dict[str, Any]]:
        """The ``n`` newest candidates, oldest first."""
        query = (
            "SELECT left(title, 400), left(operator, 400), outcome, score, id FROM selfproof_candidate"
            " WHERE program = %s AND objective = %s ORDER BY seq DESC LIMIT %s"
        )
        rows = self._all(query, self.program, objective, n)
        return [row for row in map(reading.attempt, reversed(rows)) if row is not None]

    def outcome(self, objective: str, candidate: str) -> str | None:
        """What a race said of a candidate, None before it did."""
        query = "SELECT outcome FROM selfproof_candidate WHERE program = %s AND objective = %s AND id = %s"
        return reading.outcome(self._one(query, self.program, objective, candidate))

    def lineage(self, objective: str) -> Iterator[tuple[str, str]]:
        """(id, parent) of every candidate, oldest first, some thousands at a time."""
        query = (
            "SELECT seq, left(id, 64), left(parent, 64) FROM selfproof_candidate"
            " WHERE program = %s AND objective = %s AND seq > %s ORDER BY seq LIMIT %s"
        )
        last = -1
        while rows := self._all(query, self.program, objective, last, PAGE):
            yield from ((row[1], row[2]) for row in rows)
            last = rows[-1][0]

    def counts(self) -> dict[str, int]:
        """Candidates per objective."""
        query = "SELECT objective, count(*) FROM selfproof_candidate WHERE program = %s GROUP BY objective"
        return {str(name): int(count) for name, count in self._all(query, self.program)}

    def close(self) -> None:
        """Write down how far it came, and close the connection."""
        try:
            if self._entries > self._written:
                with asking(self.url):
                    self._link.execute(
                        "UPDATE selfproof_program SET entries = %s, mark = %s WHERE program = %s",
                        (self._entries, self._mark, self.program),
                    )
        except ArchiveLost:
            pass  # it is a cache: what it does not know it reads again
        finally:
            self._link.close()

    # -- what engines share --------------------------------------------------------------------------------------------

    def claim(self, kin: str, forms: Sequence[str], seconds: float) -> dict[str, Taken]:
        """Claim forms for this engine, for that long; those that it need not race, and why.

        One that another engine has claimed is not waited for: its claim ends with its race, or when its time is up.
        """
        wanted = sorted(set(forms))
        if not wanted:
            return {}
        with asking(self.url), self._link.transaction():
            got = {row[0] for row in self._link.execute(_CLAIM, (kin, self.program, seconds, wanted)).fetchall()}
            raced = {row[0] for row in self._link.execute(_RACED, (kin, wanted, self.program)).fetchall()}
            self._link.execute(
                "DELETE FROM selfproof_claim WHERE kin = %s AND program = %s AND form = ANY(%s)",
                (kin, self.program, sorted(got & raced)),
            )
        return {form: "raced" if form in raced else "claimed" for form in wanted if form in raced or form not in got}

    def siblings(self, kin: str, n: int, *, highest: bool) -> list[Sibling]:
        """The best that other engines raced and this one has not, best first."""
        order = "DESC" if highest else "ASC"
        most = reading.LARGEST
        rows = self._all(f"{_SIBLINGS}{order}, c.id LIMIT %s", kin, self.program, most, most, self.program, n)
        return [found for found in map(reading.sibling, rows) if found is not None]

    def tell(self, standing: Mapping[str, Any]) -> None:
        """Say where this engine stands, and that it is there."""
        with asking(self.url):
            self._link.execute(
                "UPDATE selfproof_program SET name = %s, standing = %s, seen = now(), entries = %s, mark = %s"
                " WHERE program = %s",
                (self._name[:200], json.dumps(dict(standing)), self._entries, self._mark, self.program),
            )
        self._written = self._entries


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _text(value: str) -> str:
    """Words as the server can hold them."""
    return value.replace("\0", " ").encode("utf-8", "replace").decode()
