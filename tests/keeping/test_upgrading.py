"""Upgrades in the middle of a life, downgrades, and what is left when a migration is cut off."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof import birth, life, upgrading
from selfproof.archive import store
from selfproof.archive.store import MIGRATIONS, SqliteArchive
from selfproof.audit import audit
from selfproof.ledger import Ledger
from selfproof.nouns import UsageError
from selfproof.places import Paths

DESIGN = Path(__file__).resolve().parents[2] / "docs" / "design.md"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    birth.begin(made(tmp_path / "program"), seed=1)
    return Paths(tmp_path / "program")


def files(paths: Paths) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in paths.folder.rglob("*") if path.is_file()}


def test_every_kind_of_entry_is_known_to_an_engine() -> None:
    table = DESIGN.read_text("utf-8").partition("### Entries")[2].partition("\n`verify`")[0]
    names = re.findall(r"^\| (`[a-z`, -]+) \|", table, re.MULTILINE)
    assert set(upgrading.KINDS) == {kind for some in names for kind in re.findall(r"`([^`]+)`", some)}


def test_what_a_newer_version_wrote_is_not_written_to(paths: Paths, cli: Any) -> None:
    with Ledger.open(paths.ledger, paths.key) as ledger:
        ledger.append("engine", {"version": "9.1", "package": "0" * 64})
        ledger.append("constitution", {"of": "the future"}, durable=True)
    before = files(paths)
    with pytest.raises(UsageError, match=r"entry 3 .* 'constitution'") as refused, life.opened(paths.folder):
        pass
    assert "selfproof 9.1" in refused.value.advice()
    assert files(paths) == before, "nothing is harmed"
    assert cli.run("status", "--json", "--at", paths.folder).code == 0, "looking is possible"
    assert audit(paths.ledger)["unknown"] == {"constitution": 1}, "and what it passes over it says"


def test_a_newer_archive_is_made_anew(tmp_path: Path) -> None:
    SqliteArchive(tmp_path / "a.db", bytes.fromhex).close()
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("ALTER TABLE candidate RENAME TO candidates_of_the_future")
        db.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    archive = SqliteArchive(tmp_path / "a.db", bytes.fromhex)
    assert (archive.counts(), archive.caught_up) == ({}, 0)
    archive.close()


@pytest.mark.parametrize("step", range(len(MIGRATIONS)))
def test_a_migration_that_is_cut_off_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The step fails behind all of its own statements, as a kill before its commit would have it."""
    place = tmp_path / "a.db"
    with monkeypatch.context() as patch:
        patch.setattr(store, "MIGRATIONS", MIGRATIONS[:step])
        SqliteArchive(place, bytes.fromhex).close()
    cut = sqlite3.connect(place)
    before = cut.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    with pytest.raises(sqlite3.OperationalError):
        cut.executescript(f"BEGIN; {MIGRATIONS[step]}; SELECT * FROM nothing; COMMIT;")
    cut.close()
    looked = sqlite3.connect(place)
    assert looked.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall() == before
    looked.close()
    archive = SqliteArchive(place, bytes.fromhex)
    assert archive.counts() == {}
    archive.close()
