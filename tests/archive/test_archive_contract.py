"""Every kind of archive keeps one contract; and a broken archive does not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from postgres_server import Server, programs, server
from selfproof.archive import postgres
from selfproof.archive.postgres import PostgresArchive
from selfproof.archive.protocol import Archive, Shared
from selfproof.archive.steady import Steady
from selfproof.archive.store import SqliteArchive
from selfproof.testing import ArchiveContract, SharedArchiveContract

needed = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with server() as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "BUSY_S", 0.0)
        yield made


class TestSqlite(ArchiveContract):
    @pytest.fixture(autouse=True)
    def _at(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self, place: str, get_blob: Callable[[str], bytes]) -> Archive:
        return SqliteArchive(self.folder / f"{place}.db", get_blob)


@needed
class TestPostgres(SharedArchiveContract):
    @pytest.fixture(autouse=True)
    def _at(self, database: Server) -> None:
        self.url = database.url

    def make(self, place: str, get_blob: Callable[[str], bytes]) -> Archive:
        return PostgresArchive(self.url, place, f"program {place}", get_blob)


@needed
class TestSteady(SharedArchiveContract):
    """With a server that answers it is the server's archive."""

    @pytest.fixture(autouse=True)
    def _at(self, database: Server) -> None:
        self.url = database.socket_url

    def make(self, place: str, get_blob: Callable[[str], bytes]) -> Archive:
        return _Fed(
            lambda: PostgresArchive(self.url, place, "", get_blob),
            lambda: SqliteArchive(Path(":memory:"), get_blob), (lambda start: [], lambda: 0), lambda event: None,
        )  # fmt: skip


class _Fed(Steady):
    """Fed by hand: a life's gives what it was refilled with from its own ledger."""

    def refill(self, leaves: Any) -> None:
        self._now.refill(leaves)

    def apply(self, leaf: Any) -> None:
        self._now.apply(leaf)


class Broken(SqliteArchive):
    """One thing wrong at a time."""

    wrong = ""

    def apply(self, leaf: Any) -> None:
        if self.wrong != "loses races" or leaf.kind != "race":
            super().apply(leaf)

    @property
    def caught_up(self) -> int:
        return super().caught_up + (self.wrong == "miscounts")

    def clear(self) -> None:
        if self.wrong != "keeps everything":
            super().clear()

    def best(self, objective: str, n: int, *, highest: bool) -> list[dict[str, Any]]:
        return super().best(objective, n, highest=highest and self.wrong != "one direction")

    def history(self, objective: str, n: int) -> list[dict[str, Any]]:
        found = super().history(objective, n)
        return found[::-1] if self.wrong == "newest first" else found

    def forms(self, objective: str, *, settled: bool = False) -> set[str]:
        return super().forms(objective, settled=settled and self.wrong != "all are settled")


def results(tests: type[ArchiveContract], make: Callable[..., Any]) -> list[str]:
    """Names of a contract's own tests that fail with archives that ``make`` makes."""
    failed = []
    for name, test in vars(tests).items():
        if not name.startswith("test_"):
            continue
        held, made = tests(), list[Archive]()
        held.make = lambda *told, made=made: made.append(make(*told)) or made[-1]  # type: ignore[method-assign,assignment,func-returns-value]
        try:
            test(held)
        except (AssertionError, ValueError, IndexError):
            failed.append(name)
        finally:
            for archive in made:
                archive.close()
    return failed


@pytest.mark.parametrize(
    "wrong", ["loses races", "miscounts", "keeps everything", "one direction", "newest first", "all are settled"]
)
def test_a_broken_archive_does_not_keep_it(wrong: str) -> None:
    with tempfile.TemporaryDirectory() as folder:

        def make(place: str, get_blob: Callable[[str], bytes]) -> Archive:
            archive = Broken(Path(folder) / f"{place}.db", get_blob)
            archive.wrong = wrong
            return archive

        assert results(ArchiveContract, make)


@needed
@pytest.mark.parametrize(
    "wrong", ["grants everything", "never expires", "has raced nothing", "offers its own", "two write"]
)
def test_a_broken_shared_archive_does_not_keep_it(database: Server, wrong: str) -> None:
    class Wrong(PostgresArchive):
        def claim(self, kin: str, forms: Any, seconds: float) -> dict[str, Any]:
            found = super().claim(kin, forms, abs(seconds) if wrong == "never expires" else seconds)
            gone = {"grants everything": "claimed", "has raced nothing": "raced"}.get(wrong)
            return {form: why for form, why in found.items() if why != gone}

        def siblings(self, kin: str, n: int, *, highest: bool) -> list[Any]:
            mine, self.program = self.program, uuid4().hex if wrong == "offers its own" else self.program
            try:
                return super().siblings(kin, n, highest=highest)
            finally:
                self.program = mine

        def _own(self) -> None:
            if wrong != "two write":
                super()._own()

    def make(place: str, get_blob: Callable[[str], bytes]) -> Shared:
        return Wrong(database.url, place, "", get_blob)

    assert results(SharedArchiveContract, make)


def test_the_real_ones_keep_it_by_the_same_reckoning(tmp_path: Path) -> None:
    assert results(ArchiveContract, lambda place, get_blob: SqliteArchive(tmp_path / f"{place}.db", get_blob)) == []
