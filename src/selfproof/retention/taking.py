"""Let go of what nothing certified rests on, once it is older than the charter's ``keep_days``.

That are texts of candidates that were raced and left behind: blobs that only entries ``propose`` refer to. First an
entry ``retention`` is written that names them, with what stays of each batch (``rows``); then they are deleted.
Their hashes stay in the log, so that every proof and every certificate verifies as before, and whoever has a copy can
show that it is the one. What any other entry refers to is never let go; nor are the texts of the versions that a search
builds on.

Does not protect against: copies that others have; candidates that are small enough to stand in the entry itself, which
stay for good.
"""

from __future__ import annotations

import datetime
import heapq
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from selfproof import charter as charters
from selfproof.archive.protocol import rows_in
from selfproof.archive.state import State, apply
from selfproof.ledger import Leaf, Ledger
from selfproof.ledger.blobs import Blobs
from selfproof.ledger.clock import Clock, rfc3339, utc_now
from selfproof.ledger.statement import blobs_of
from selfproof.places import Paths
from selfproof.retention.rows import kept, without_texts

BEST = 120
"""Of each search so many at either end of its scores keep their texts: twice as many as a population has members."""
AT_ONCE = 256
"""Batches that one entry names."""
EVERY_DAYS = 1
"""Between two entries, at least."""


@dataclass
class Batches:
    """Which blobs hold batches of candidates, and which of them something else needs; entries one by one."""

    found: dict[str, tuple[int, str, str, int]] = field(default_factory=dict)
    """By digest: the entry that named it last, its time, the search, how many candidates."""
    needed: set[str] = field(default_factory=set)

    def see(self, leaf: Leaf) -> None:
        """Take one entry into account."""
        stored = leaf.body.get("candidates")
        if leaf.kind == "propose" and isinstance(stored, dict):
            self.found[stored["$blob"]] = leaf.index, leaf.time, leaf.body["objective"], leaf.body["n"]
        else:
            self.needed.update(blobs_of(leaf.body))

    def older(self, before: str, let_go: Mapping[str, str]) -> dict[str, int]:
        """Those that may be let go, with their entries, the oldest first."""
        return {
            digest: index
            for digest, (index, time, _, _) in self.found.items()
            if time < before and digest not in let_go and digest not in self.needed
        }


def before(time: str, days: int) -> str:
    """The time so many days earlier; both as entries have them."""
    return rfc3339(datetime.datetime.fromisoformat(time) - datetime.timedelta(days=days))


def take(ledger: Ledger, state: State, paths: Paths, clock: Clock = utc_now) -> int:
    """Let go of what is due, at most once a day; how many batches that were. The caller holds the ledger.

    A kill in between leaves blobs that nothing refers to any longer; the next look deletes them.
    """
    section = charters.parse(ledger.get_blob(state.charter["charter"]).decode()).ledger
    days, now, last = section.keep_days, rfc3339(clock()), state.overseen.retained
    if section.keep_notes_days:
        _notes(ledger, state, before(now, section.keep_notes_days))
    if not days or (last and last > before(now, EVERY_DAYS)):
        return 0
    batches, best = Batches(), _Best()
    for leaf in ledger.leaves():
        batches.see(leaf)
        if leaf.kind == "race":
            best.see(leaf.body["objective"], rows_in(leaf.body["results"], ledger.get_blob))
    due = list(batches.older(before(now, days), state.overseen.let_go).items())
    get, keep = kept(ledger.get_blob, state.overseen.let_go), best.ids()
    for at in range(0, len(due), AT_ONCE):
        some = due[at : at + AT_ONCE]
        stays = {digest: [_stays(row, keep) for row in json.loads(get(digest))] for digest, _ in some}
        rows = {"$blob": ledger.put_blob(json.dumps(stays, separators=(",", ":")).encode())}
        named = [{"entry": index, "blob": digest} for digest, index in some]
        apply(state, ledger.append("retention", {"days": days, "batches": named, "rows": rows}, durable=True))
    blobs = Blobs(paths.ledger)
    for digest in state.overseen.let_go:
        blobs.path(digest).unlink(missing_ok=True)
    if due:  # a cache: what comes back into it is what stays
        for path in paths.private.glob(f"{paths.archive.name}*"):
            path.unlink()
    return len(due)


def _notes(ledger: Ledger, state: State, time: str) -> None:
    """Take out what people wrote before that time."""
    for leaf in list(ledger.leaves()):
        for field_name, commit in leaf.commits if leaf.kind == "note" and leaf.time < time else ():
            if (leaf.index, field_name) not in state.overseen.redacted:
                told = {"entry": leaf.index, "field": field_name, "commit": commit, "reason": "keep_notes_days"}
                apply(state, ledger.append("redact", {**told, "by": "the charter"}, durable=True))
                ledger.openings.forget(commit)


def _stays(row: Mapping[str, Any], keep: set[str]) -> Mapping[str, Any]:
    return row if row["id"] in keep else without_texts(row)


class _Best:
    """The candidates at either end of each search's scores."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], list[tuple[float, str]]] = {}

    def see(self, search: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take a race's results into account."""
        for row in rows:
            if row["outcome"] == "raced" and row["score"] is not None:
                for sign in (1, -1):
                    end = self._ends.setdefault((search, sign), [])
                    heapq.heappush(end, (sign * row["score"], row["id"]))
                    if len(end) > BEST:
                        heapq.heappop(end)

    def ids(self) -> set[str]:
        """Their names."""
        return {name for end in self._ends.values() for _, name in end}
