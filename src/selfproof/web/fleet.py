"""Every program of the archives that the programs here use, on one page.

Of a program whose ledger is here the page says what that ledger holds. Of all others it says what their engines told
the archive, and that nobody here has verified it. Reads only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from selfproof.archive.connecting import shown
from selfproof.archive.fleet import Member, members
from selfproof.archive.opening import program_of
from selfproof.charter.archiving import LOCAL, ArchiveSection
from selfproof.nouns import SelfproofError
from selfproof.web import standing
from selfproof.web.page import Program

FRESH_S = 3.0
"""Seconds for which an answer of the server is shown again."""


@dataclass(frozen=True)
class Row:
    """One program: ``slug`` names it here, "" where its ledger is elsewhere; ``head`` is a root, in hex."""

    name: str
    slug: str
    program: str
    state: str
    certified: int
    waiting: int
    version: int
    newest: str
    changed: str
    candidates: int
    entries: int
    head: str
    signed: int
    host: str
    seen: str
    doubt: str


@dataclass(frozen=True)
class Told:
    """An archive and who uses it; ``problem`` says why that cannot be known now."""

    archive: str
    rows: tuple[Row, ...] = ()
    problem: str = ""


class Fleet:
    """The archives of some programs, read anew now and then."""

    def __init__(self, programs: Sequence[Program], more: Sequence[str] = ()) -> None:
        """``more`` are archives beside those that the programs' charters name."""
        self._programs, self._more = programs, tuple(more)
        self._lock = threading.Lock()
        self._held: dict[ArchiveSection, tuple[float, list[Member] | str]] = {}

    def archives(self) -> list[ArchiveSection]:
        """Those that there are, each once."""
        found = {url: ArchiveSection(url=url) for url in self._more}
        for one in self._programs:
            charter = getattr(one.reading, "charter", None)
            if charter is not None and charter.archive.url != LOCAL:
                found[charter.archive.url] = replace(charter.archive, share=True)
        return list(found.values())

    def told(self) -> list[Told]:
        """Everyone who uses them."""
        own = self._own()
        return [self._of(archive, own) for archive in self.archives()]

    def _of(self, archive: ArchiveSection, own: dict[str, Program]) -> Told:
        found = self._members(archive)
        if isinstance(found, str):
            return Told(shown(archive.url), problem=found)
        return Told(shown(archive.url), tuple(row_of(one, own.get(one.program)) for one in found))

    def _own(self) -> dict[str, Program]:
        found = {}
        for one in self._programs:
            with one.reading.turn() as reading:
                if reading.born and "vkey" in reading.state.genesis:
                    found[program_of(reading.state.genesis)] = one
        return found

    def _members(self, archive: ArchiveSection) -> list[Member] | str:
        with self._lock:
            held = self._held.get(archive)
            if held is not None and time.monotonic() - held[0] < FRESH_S:
                return held[1]
            try:
                found: list[Member] | str = members(archive.url, archive.password_env)
            except SelfproofError as error:
                found = str(error)
            self._held[archive] = (time.monotonic(), found)
            return found


def row_of(member: Member, here: Program | None) -> Row:
    """A program as the page shows it: by its ledger where that is here, else by its own word."""
    said = member.standing
    seen = member.seen.strftime("%Y-%m-%d %H:%M:%S %Z") if member.seen is not None else ""
    row = Row(
        member.name, "", member.program, member.state, said.certified, said.waiting, said.version, said.newest,
        said.changed, member.candidates, said.entries, said.root, 0, said.host, seen, "",
    )  # fmt: skip
    if here is None:
        return row
    with here.reading.turn() as reading:
        state, tree = reading.state, reading.tree
        counts, halted = standing.counts(state), standing.stopped(reading) is not None
        kept = [version for version in state.versions[1:] if not version.rolled_back]
        other = said.entries == tree.size and said.root != tree.root.hex()
        doubt = reading.fault or ("the archive was told another head than this ledger has" if other else "")
        at = reading.checkpoint
        phase = "halted" if halted else member.state
        return replace(
            row, name=here.name, slug=here.slug, state=phase, certified=counts["certified"], waiting=counts["waiting"],
            version=state.current, newest=f"{kept[-1].objective}: {kept[-1].title}" if kept else "",
            changed=kept[-1].time if kept else "", entries=tree.size, head=tree.root.hex(),
            signed=at.size if at is not None else 0, doubt=doubt,
        )  # fmt: skip


def as_json(told: Sequence[Told]) -> list[dict[str, Any]]:
    """The same for the API: "verified" is whether the ledger was read here."""
    return [
        {"archive": one.archive, "problem": one.problem,
         "programs": [
             {"program": row.program, "name": row.name, "here": row.slug or None, "state": row.state,
              "certified": row.certified, "waiting": row.waiting, "version": row.version, "newest": row.newest,
              "changed": row.changed, "candidates": row.candidates, "entries": row.entries, "root": row.head,
              "host": row.host, "seen": row.seen, "doubt": row.doubt, "verified": bool(row.slug) and not row.doubt}
             for row in one.rows
         ]}
        for one in told
    ]  # fmt: skip
