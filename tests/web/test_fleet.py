"""The fleet: everyone in an archive, by their ledgers where those are here, else by their word and marked so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from visiting import Visitor

from postgres_server import Server, programs, server
from selfproof import life as lives
from selfproof.archive.fleet import Member, Standing
from selfproof.archive.opening import program_of
from selfproof.archive.postgres import PostgresArchive
from selfproof.archive.state import fold
from selfproof.charter.archiving import ArchiveSection
from selfproof.ledger import read
from selfproof.telling import Telling
from selfproof.tokens import new as token_for
from selfproof.web.app import named
from selfproof.web.fleet import row_of

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with server() as found:
        yield found


@pytest.fixture(scope="module")
def fleet(database: Server, finite_life: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A life whose ledger is here, and two programs elsewhere in its archive; one of those is running."""
    folder = Path(shutil.copytree(finite_life.folder, tmp_path_factory.mktemp("fleet") / "here"))
    with lives.opened(folder, archive=ArchiveSection(url=database.url)) as life:
        Telling(life).say("at rest")
    away = PostgresArchive(database.url, "a" * 32, f"away {EVIL}", lambda digest: b"")
    away.tell({"phase": "running", "certified": 7, "version": 9, "newest": EVIL, "host": "far", "entries": 5,
               "root": "f" * 64, "changed": "2026-01-01T00:00:00Z"})  # fmt: skip
    away.close()
    return folder


def test_a_program_whose_ledger_is_here_is_shown_by_it(database: Server, fleet: Path) -> None:
    told = Visitor(fleet, archives=[database.url]).get("/api/v1/fleet").json()
    (rows,) = [one["programs"] for one in told]
    (here,) = [row for row in rows if row["here"]]
    state = fold(read(fleet / ".selfproof" / "ledger").leaves())
    assert here["program"] == program_of(state.genesis) and here["verified"] and here["here"] == "here"
    assert here["certified"] == state.adoptions(certified=True) and here["version"] == state.current
    assert here["entries"] == state.entries and here["candidates"] > 0
    page = Visitor(fleet, archives=[database.url]).get("/fleet").text
    assert '<a class="whole" href="/p/here/">' in page and "From its ledger" in page


def test_others_are_their_word_and_not_verified(database: Server, fleet: Path) -> None:
    visitor = Visitor(fleet, archives=[database.url])
    (away,) = [row for row in visitor.get("/api/v1/fleet").json()[0]["programs"] if not row["here"]]
    assert (away["certified"], away["verified"], away["host"]) == (7, False, "far")
    assert away["state"] == "gone", "it said that it ran, and the server does not see it"
    page = visitor.get("/fleet").text
    assert "Not verified:" in page and EVIL not in page and "&lt;script&gt;" in page
    assert '<a href="/fleet">' in visitor.get("/").text


def test_an_archive_that_is_not_reached_is_said_so(fleet: Path) -> None:
    visitor = Visitor(fleet, archives=["postgresql://u@127.0.0.1:1/d"])
    (told,) = visitor.get("/api/v1/fleet").json()
    assert told["programs"] == [] and "127.0.0.1:1" in told["problem"]
    assert "cannot be read now" in visitor.get("/fleet").text


def test_without_an_archive_nothing_is_connected(fleet: Path) -> None:
    visitor = Visitor(fleet)
    assert visitor.get("/").status_code == 303 and visitor.get("/api/v1/fleet").json() == []
    assert "No program here" in visitor.get("/fleet").text


def test_a_token_for_one_program_does_not_see_the_fleet(database: Server, fleet: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(fleet, tmp_path / "one"))
    token = token_for(folder, "auditor", 1.0, "me")["token"]
    visitor = Visitor(folder, token=token, archives=[database.url])
    assert visitor.get("/api/v1/fleet").status_code == 403 and visitor.get("/fleet").status_code == 403
    assert Visitor(folder, token=None, archives=[database.url]).get("/api/v1/fleet").status_code == 401


@pytest.mark.parametrize("root", ["", "other"])
def test_another_head_than_the_ledgers_is_in_doubt(finite_life: Any, root: str) -> None:
    (program,) = named([finite_life.folder])
    with program.reading.turn() as reading:
        size, head = reading.tree.size, reading.tree.root.hex()
    said = Standing(entries=size, root=root or head, certified=99, phase="running")
    row = row_of(Member("a" * 32, "n", 0, 0, None, True, said), program)
    assert bool(row.doubt) == bool(root) and row.certified != 99 and row.head == head
