"""Whole lives on one database: they divide a search, outlive their server, and verify without it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from postgres_server import Server, programs, server
from selfproof import birth, loop
from selfproof import life as lives
from selfproof.archive.opening import program_of
from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.charter.archiving import ArchiveSection
from selfproof.domains import sharing
from selfproof.domains.quality import Quality
from selfproof.ledger import read
from selfproof.propose.desk import Desk

pytestmark = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with server() as found:
        yield found


def ledger(folder: Path) -> Path:
    return folder / ".selfproof" / "ledger"


def bodies(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [leaf.body for leaf in read(ledger(folder)).leaves() if leaf.kind == kind]


def rows_of(folder: Path, kind: str, field: str) -> list[dict[str, Any]]:
    reader = read(ledger(folder))
    found = []
    for body in bodies(folder, kind):
        stored = body[field]
        found += json.loads(reader.get_blob(stored["$blob"])) if isinstance(stored, dict) else stored
    return found


def batches(folder: Path, url: str, many: int, seed: int | None = None) -> list[dict[str, Any]]:
    """Let the loop's own steps go through some batches of the hold-out's search; their events."""
    events: list[dict[str, Any]] = []

    def drained(steps: Any) -> Any:
        while True:
            try:
                events.append(next(steps))
            except StopIteration as end:
                return end.value

    with lives.opened(folder, seed=seed, archive=ArchiveSection(url=url)) as life:
        domain = Quality(life, life.charter.objective("holdout"))
        desk = Desk([], 1, 0)
        for _ in range(many):
            edits = drained(loop.suggested(domain, domain.observe(), desk))
            drained(domain.race(drained(loop.screened(life, domain, edits))))
        desk.close()
        events += life.notices
    return events


@pytest.fixture(scope="module")
def two(database: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Any]]:
    """A life that raced what there is, and one of the same search that came after it; the second one's events."""
    base = tmp_path_factory.mktemp("two")
    first, second = made(base / "first"), made(base / "second")
    for folder in (first, second):
        birth.begin(folder, None)
    batches(first, database.url, 1)
    return first, second, batches(second, database.url, sharing.EVERY + 1)


def test_the_second_races_nothing_again_and_takes_the_best_over(two: tuple[Path, Path, list[Any]]) -> None:
    first, second, events = two
    raced = {row["form"] for row in rows_of(first, "propose", "candidates")}
    own = [row for row in rows_of(second, "propose", "candidates") if row["proposer"] != sharing.SIBLING]
    assert len(raced) >= 3 and not raced & {row["form"] for row in own}
    told = [event for event in events if event["event"] == "exchange"]
    assert told[0]["raced"] == 3 and told[0]["taken"] == 0
    (taken,) = [body for body in bodies(second, "exchange") if body["taken"]]
    assert {one["program"] for one in taken["taken"]} == {program_of(fold(read(ledger(first)).leaves()).genesis)}
    survived = {row["id"] for row in rows_of(first, "race", "results") if row["outcome"] == "raced"}
    assert {one["id"] for one in taken["taken"]} <= survived


def test_what_was_taken_over_is_whole_in_the_takers_ledger(two: tuple[Path, Path, list[Any]]) -> None:
    _, second, _ = two
    (taken,) = [body for body in bodies(second, "exchange") if body["taken"]]
    moved = [row for row in rows_of(second, "propose", "candidates") if row["proposer"] == sharing.SIBLING]
    assert {row["id"] for row in moved} == {one["id"] for one in taken["taken"]}
    assert all(row["files"]["holdout.py"] and row["operator"] == "exchange" for row in moved)


def test_both_verify_without_their_database(two: tuple[Path, Path, list[Any]]) -> None:
    for folder in two[:2]:
        assert audit(ledger(folder))["ok"], audit(ledger(folder))["first_bad"]


def test_a_seed_shares_nothing(database: Server, two: tuple[Path, Path, list[Any]], tmp_path: Path) -> None:
    folder = made(tmp_path / "seeded")
    birth.begin(folder, 5)
    events = batches(folder, database.url, 1, seed=5)
    assert not [event for event in events if event["event"] == "exchange"] and not bodies(folder, "exchange")
    raced = {row["form"] for row in rows_of(two[0], "propose", "candidates")}
    assert raced & {row["form"] for row in rows_of(folder, "propose", "candidates")}, "it races what others have raced"


def test_a_server_that_dies_in_the_middle_of_a_run_ends_nothing(cli: Any, tmp_path: Path) -> None:
    with server() as mine:
        folder = made(tmp_path / "life")
        run = cli.launch("run", "--minutes", 3, "--json", "--at", folder, "--archive", mine.url, "--focus", "holdout")
        events, wanted = [], ["race", "archive", "race", "archive", "race"]
        try:
            assert run.stdout is not None
            for line in run.stdout:
                events.append(json.loads(line))
                if wanted and events[-1]["event"] == wanted[0]:
                    wanted.pop(0)
                    if len(wanted) == 4:
                        mine.kill()
                    if len(wanted) == 2:
                        mine.start()
                    if not wanted:
                        run.send_signal(2)
            _, err = run.communicate(timeout=60)
        finally:
            cli.end(run)
        assert run.returncode == 130, err
        assert [event["state"] for event in events if event["event"] == "archive"] == ["lost", "back"]
        assert audit(ledger(folder))["ok"]
        kept = mine.ask("SELECT count(*), count(outcome) FROM selfproof_candidate")
        many = len({row["id"] for row in rows_of(folder, "propose", "candidates")})
        assert kept == [(many, many)], "what it missed was given to it from the ledger"
        told = cli.run("archive", "check", mine.url, "--json")
        (one,) = told.json["programs"]
        assert told.code == 0 and (one["candidates"], one["state"], one["name"]) == (many, "at rest", "life")
        gone = cli.run("archive", "forget", one["program"], "--archive", mine.url)
        assert gone.code == 0 and mine.ask("SELECT count(*) FROM selfproof_candidate") == [(0,)]


@pytest.mark.slow
def test_two_engines_at_once_divide_a_real_search(cli: Any, database: Server, unborn: Any) -> None:
    folders = [unborn("one"), unborn("other")]
    words = ("run", "--minutes", 1.5, "--json", "--archive", database.url)
    runs = [cli.launch(*words, "--at", folder) for folder in folders]
    told = [run.communicate(timeout=600) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], [err for _, err in told]
    for folder in folders:
        assert audit(ledger(folder))["ok"]
    raced = database.ask(
        "SELECT form, count(DISTINCT program) FROM selfproof_candidate"
        " WHERE kin IS NOT NULL AND proposer = 'improver' AND title NOT LIKE '%%simplified:%%' GROUP BY 1"
    )
    assert len(raced) > 50 and {many for _, many in raced} == {1}
    assert len(database.ask("SELECT 1 FROM selfproof_candidate WHERE objective = 'memory' GROUP BY program")) == 2


def test_a_run_that_cannot_begin_with_its_archive_says_so(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    done = cli.run("run", "--at", folder, "--archive", "postgresql://u@127.0.0.1:1/d")
    assert done.code == 1 and "127.0.0.1:1" in done.err and "--archive local" in done.err
    assert "Traceback" not in done.err
    refused = cli.run("run", "--at", folder, "--archive", "postgresql://u:hunter2@h/d")
    assert refused.code == 2 and "password" in refused.err and "hunter2" not in refused.err


def test_other_commands_need_no_server(cli: Any, two: tuple[Path, Path, list[Any]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(two[0], tmp_path / "copy"))
    text = (folder / "charter.toml").read_text()
    (folder / "charter.toml").write_text(text + '\n[archive]\nurl = "postgresql://u@127.0.0.1:1/d"\n')
    for words in (("note", "a word", "--by", "me"), ("status",), ("verify",)):
        done = cli.run(*words, "--at", folder)
        assert done.code == 0, done.err


def test_a_candidate_of_its_own_that_was_changed_in_the_database_is_no_member(
    database: Server, two: tuple[Path, Path, list[Any]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(two[0], tmp_path / "copy"))
    with lives.opened(folder, archive=ArchiveSection(url=database.url)) as life:
        domain = Quality(life, life.charter.objective("holdout"))
        rows = life.archive.best("holdout", 99, highest=False)
        sound = {one.id for one in sharing.members(life, domain.objective, rows)}
        assert sound == {row["id"] for row in rows} != set()
        text = {"holdout.py": "import os\n"}
        other = life.candidate(domain.objective, text).id
        away = {"holdout.py": "def double(x):\n    return 2.0 * x\n", "../../x": "y", "improver.py": "z"}
        bad = [
            {**rows[0], "files": {"holdout.py": "def double(x):\n    return 3.0 * x\n"}},
            {**rows[0], "files": text},
            {**rows[0], "id": other, "files": {"holdout.py": "import os\nos.kill(1, 9)\n"}},
            {**rows[0], "files": away},
            {**rows[0], "version": 10**9},
            {**rows[0], "version": -1},
        ]
        assert sharing.members(life, domain.objective, bad) == []


def test_what_a_sibling_offers_meets_its_name_and_the_screen(
    database: Server, two: tuple[Path, Path, list[Any]], tmp_path: Path
) -> None:
    folder = made(tmp_path / "third")
    other = "f" * 32
    database.ask("INSERT INTO selfproof_program(program, name) VALUES (%s, 'other') ON CONFLICT DO NOTHING", other)
    birth.begin(folder, None)
    with lives.opened(folder, archive=ArchiveSection(url=database.url)) as life:
        domain = Quality(life, life.charter.objective("holdout"))
        kin = sharing.kin_of(life, domain.objective)
        assert kin is not None
        life.state.batches["holdout"] = sharing.EVERY - 1
        evil = "def double(x):\n    return __import__('os').system('id')\n"
        name = life.candidate(domain.objective, {"holdout.py": evil}).id
        database.ask("DELETE FROM selfproof_candidate WHERE kin = %s AND program <> %s", kin, other)
        query = """INSERT INTO selfproof_candidate(program, kin, objective, id, batch, parent, title, operator, files,
            form, version, proposer, outcome, score, scores)
            VALUES (%s, %s, 'holdout', %s, 0, 'p', 't', 'o', %s, %s, 0, 'x', 'raced', 0.0, '[]')"""
        database.ask(query, other, kin, name, json.dumps({"holdout.py": evil, "improver.py": "x = 1\n"}), "form1")
        database.ask(
            query, other, kin, "a" * 64, json.dumps({"holdout.py": "def double(x):\n    return 3.0\n"}), "form2"
        )
        edits = sharing.offered(domain)
        assert [edit.files for edit in edits] == [{"holdout.py": evil}], "a wrong name is dropped, other files are too"
        steps = loop.screened(life, domain, edits)
        told = []
        try:
            while True:
                told.append(next(steps))
        except StopIteration as end:
            assert end.value == []
        assert [event["event"] for event in told] == ["screened"]
        assert sharing.offered(domain) == [], "what was offered once is not offered again"
