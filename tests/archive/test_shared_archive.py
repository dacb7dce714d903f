"""An archive that is lost, that others write to, that an engine dies in: nothing is lost and nobody gets authority."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from postgres_server import Server, programs, server
from selfproof import charter
from selfproof.archive import postgres, reading
from selfproof.archive.connecting import connect
from selfproof.archive.fleet import forget, members, standing_in
from selfproof.archive.kin import kins_of
from selfproof.archive.migrations import POSTGRES
from selfproof.archive.opening import open_archive
from selfproof.archive.postgres import PostgresArchive
from selfproof.archive.protocol import ArchiveLost, catch_up
from selfproof.archive.steady import Steady
from selfproof.archive.store import SqliteArchive
from selfproof.charter import CharterError
from selfproof.charter.archiving import ArchiveSection, url_fault
from selfproof.nouns import UsageError
from selfproof.testing.archives import CHARTER, History, everything

pytestmark = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with server() as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres, "BUSY_S", 10.0)
        yield made


def of(database: Server, history: History, program: str) -> PostgresArchive:
    return PostgresArchive(database.url, program, "p", history.get_blob)


class Told(list[dict[str, Any]]):
    """Events, and a clock that moves when it is told to."""

    now = 0.0


def steady(database: Server, history: History, program: str, told: Told, spare: Path) -> Steady:
    return Steady(
        lambda: of(database, history, program), lambda: SqliteArchive(spare, history.get_blob),
        (history.leaves, lambda: len(history.entries)), told.append, lambda: told.now,
    )  # fmt: skip


def test_a_lost_server_stops_nothing_and_gets_what_it_missed(database: Server, tmp_path: Path) -> None:
    history, program, told = History(0), uuid4().hex, Told()
    archive = steady(database, history, program, told, tmp_path / "archive.db")

    def live(batches: int) -> None:
        for _ in range(batches):
            history.batch()
            for entry in history.entries[-2:]:
                archive.apply(entry)

    catch_up(archive, history.leaves, len(history.entries))
    live(2)
    assert archive.shared is archive
    database.kill()
    live(1)
    assert [event["state"] for event in told] == ["lost"] and archive.shared is None
    assert database.url.split("@")[1].split("/")[0] in told[0]["problem"]
    assert archive.counts() == {"memory": 12} and archive.caught_up == 7
    assert archive.claim("0" * 64, ["f"], 60) == {} and archive.siblings("0" * 64, 9, highest=False) == []
    told.now = 100.0
    live(1)
    assert len(told) == 1, "a server that is still down is tried quietly"
    database.start()
    live(1)
    assert len(told) == 1, "and not with every entry"
    told.now = 1000.0
    live(1)
    assert [event["state"] for event in told] == ["lost", "back"] and archive.shared is archive
    fresh = SqliteArchive(tmp_path / "fresh.db", history.get_blob)
    catch_up(fresh, history.leaves, len(history.entries))
    assert everything(archive) == everything(fresh)
    archive.close()
    fresh.close()


def test_a_lineage_that_breaks_off_goes_on(database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PAGE", 4)
    history, told = History(3), Told()
    archive = steady(database, history, uuid4().hex, told, tmp_path / "archive.db")
    catch_up(archive, history.leaves, len(history.entries))
    rows = archive.lineage("memory")
    first = [next(rows) for _ in range(6)]
    database.kill()
    try:
        assert [*first, *rows] == [(one, "start") for batch in range(3) for one in history.ids(batch)]
    finally:
        database.start()
        archive.close()


def test_a_deleted_database_is_refilled(database: Server) -> None:
    history, program = History(30), uuid4().hex
    archive = of(database, history, program)
    catch_up(archive, history.leaves, len(history.entries))
    before = everything(archive)
    archive.close()
    tables = "selfproof_claim, selfproof_version, selfproof_candidate, selfproof_program, selfproof_schema"
    database.ask(f"DROP TABLE {tables}")
    archive = of(database, history, program)
    assert archive.caught_up == 0
    catch_up(archive, history.leaves, len(history.entries))
    assert everything(archive) == before
    archive.close()


WRITER = """
import sys
from selfproof.archive.postgres import PostgresArchive
from selfproof.testing.archives import History
history = History(0)
archive = PostgresArchive(sys.argv[1], sys.argv[2], "p", history.get_blob)
archive.apply(history.entries[0])
while True:
    history.batch()
    for entry in history.entries[-2:]:
        archive.apply(entry)
    print(len(history.entries), flush=True)
"""


def test_an_engine_that_is_killed_in_the_middle_leaves_no_half(database: Server) -> None:
    program = uuid4().hex
    for lines in (3, 40):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, database.url, program], stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        assert writer.stdout is not None
        with writer.stdout as out:
            for _ in range(lines):
                assert out.readline(), "the writer ended by itself"
            os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        history = History(400)
        archive = of(database, history, program)  # waits until the server has noticed
        done = archive.caught_up
        kept = database.ask(
            "SELECT batch, count(*), count(outcome) FROM selfproof_candidate WHERE program = %s GROUP BY 1", program
        )
        assert done > lines and len(kept) == done // 2
        assert all(row[1] == 4 and row[2] in {0, 4} for row in kept)
        assert sum(row[2] == 0 for row in kept) == (done - 1) % 2
        catch_up(archive, history.leaves, len(history.entries))
        assert archive.counts() == {"memory": 1600}
        archive.clear()
        archive.close()


DYING = """
import os, signal, sys
from selfproof.archive.postgres import PostgresArchive
from selfproof.testing.archives import History
history = History(1)
archive = PostgresArchive(sys.argv[1], sys.argv[2], "p", history.get_blob)
archive.refill(history.entries[:2])
execute = archive._link.execute
def dying(query, *values):
    if str(query).strip().startswith("UPDATE selfproof_program"):
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(query, *values)
archive._link.execute = dying
archive.apply(history.entries[2])
"""


def test_a_kill_between_two_statements_undoes_the_first(database: Server) -> None:
    program = uuid4().hex
    done = subprocess.run([sys.executable, "-c", DYING, database.url, program], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    history = History(1)
    archive = of(database, history, program)
    assert archive.caught_up == 2 and archive.forms("memory") == set(), "its race is not there by half"
    catch_up(archive, history.leaves, len(history.entries))
    assert len(archive.forms("memory")) == 4
    archive.close()


def claims(url: str, program: str, kin: str, forms: list[str], start: Any, answers: Any) -> None:
    archive = PostgresArchive(url, program, "p", lambda digest: b"")
    start.wait()
    got = []
    for at in range(0, len(forms), 7):
        some = forms[at : at + 7]
        taken = archive.claim(kin, some, 60)
        got += [form for form in some if form not in taken]
    answers.put(got)
    archive.close()


def test_engines_at_once_get_each_form_once(database: Server) -> None:
    forms, kin = [f"f{n}" for n in range(210)], uuid4().hex * 2
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(3), context.Queue()
    orders = [forms, forms[::-1], forms[70:] + forms[:70]]
    workers = [
        context.Process(target=claims, args=(database.url, uuid4().hex, kin, order, start, answers)) for order in orders
    ]
    for one in workers:
        one.start()
    got = [answers.get(timeout=120) for _ in workers]
    for one in workers:
        one.join()
    counted = Counter(form for some in got for form in some)
    assert set(counted) == set(forms) and max(counted.values()) == 1


def hostile(database: Server, program: str, kin: str | None, **columns: Any) -> str:
    """Write a row as whoever has the database can; its id."""
    row = {"id": uuid4().hex * 2, "objective": "memory", "batch": 0, "parent": "x", "title": "t", "operator": "o",
           "files": "{}", "form": uuid4().hex, "version": 0, "proposer": "x", "outcome": "raced", "score": -1e9,
           "scores": "[1.0]", **columns}  # fmt: skip
    names = ", ".join(row)
    marks = ", ".join(["%s"] * len(row))
    query = f"INSERT INTO selfproof_candidate(program, kin, {names}) VALUES (%s, %s, {marks})"
    database.ask(query, program, kin, *row.values())
    return str(row["id"])


BAD: list[dict[str, Any]] = [
    {"files": "not json"}, {"files": "[1]"}, {"files": '{"memory.py": 3}'}, {"files": "[" * 100_000},
    {"files": json.dumps({"memory.py": "x" * (reading.LARGEST + 1)})}, {"files": '{"a": "\\ud800"}'},
    {"files": json.dumps({f"{n}.py": "" for n in range(reading.MOST_FILES + 1)})},
    {"scores": "[NaN]"}, {"scores": "[true]"}, {"scores": '{"a": 1}'}, {"scores": "1"}, {"scores": None},
    {"scores": json.dumps([1.0] * (reading.MOST_SCORES + 1))}, {"id": "x" * 5000},
]  # fmt: skip


def test_hostile_rows_under_ones_own_name_are_left_out(database: Server) -> None:
    history, program = History(1), uuid4().hex
    archive = of(database, history, program)
    catch_up(archive, history.leaves, len(history.entries))
    sound = [row["id"] for row in archive.best("memory", 99, highest=False)]
    for columns in BAD:
        hostile(database, program, None, **columns)
    hostile(database, program, None, title="\x1b[2J" + "x" * 9000, outcome="certified", score=float("inf"), form="a b")
    assert [row["id"] for row in archive.best("memory", 99, highest=False)] == sound
    newest = archive.history("memory", 99)[-1]
    assert len(newest["title"]) <= 200 and newest["title"].isprintable()
    assert (newest["outcome"], newest["score"]) == ("", None)
    assert all(reading.is_form(form) for form in archive.forms("memory"))
    archive.close()


def test_hostile_rows_of_another_engine_are_no_candidates(database: Server) -> None:
    history = History(1, name="m" + uuid4().hex)
    history.entries[0].body["tasks"] = {"tasks/memory.py": uuid4().hex * 2}
    archive, other = of(database, history, uuid4().hex), uuid4().hex
    catch_up(archive, history.leaves, len(history.entries))
    kin = kins_of(charter.parse(CHARTER), history.entries[0].body["tasks"], "1" * 64)["memory"]
    database.ask("INSERT INTO selfproof_program(program, name) VALUES (%s, 'other')", other)
    for columns in [*BAD[:7], {"id": "x" * 64}, {"id": "A" * 64}, {"form": "two words"}, {"form": ""}, {"version": 7}]:
        hostile(database, other, kin, **columns)
    good = hostile(database, other, kin, title="\x1b[2Jhi" + "x" * 900, files='{"memory.py": "x"}')
    (found,) = archive.siblings(kin, 99, highest=False)
    assert found.id == good and found.title.isprintable() and len(found.title) == 200
    database.ask("INSERT INTO selfproof_claim VALUES (%s, 'f', %s, now() + interval '90 years')", kin, other)
    assert archive.claim(kin, ["f"], 60) == {}, "nobody holds a form for a lifetime"
    archive.close()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": -1}', '{"version": 1e400}', '{"phase": 3}', "[" * 70_000])
def test_a_hostile_standing_says_nothing(text: str) -> None:
    assert standing_in(text) == standing_in("{}")


def test_a_standing_is_cut_and_cleaned() -> None:
    told = standing_in(json.dumps({"newest": "\x1b[31m" + "x" * 900, "version": 3, "objectives": ["a\nb", 3, ""]}))
    assert told.newest.isprintable() and len(told.newest) == 200
    assert told.version == 3 and told.objectives == ("a b",)


def test_a_fleet_is_listed_and_a_program_forgotten(database: Server) -> None:
    history, program = History(1), uuid4().hex
    archive = of(database, history, program)
    catch_up(archive, history.leaves, len(history.entries))
    archive.tell({"phase": "running", "host": "h", "certified": 2, "version": 3, "waiting": 1, "entries": 3})
    (one,) = [found for found in members(database.url) if found.program == program]
    assert one.connected and one.state == "running" and one.candidates == 4 and one.standing.certified == 2
    with pytest.raises(UsageError, match="is running"):
        forget(database.url, program[:8])
    archive.close()
    until_gone(database, program)
    (one,) = [found for found in members(database.url) if found.program == program]
    assert one.state == "gone", "it said that it ran, and is not there"
    assert forget(database.url, program[:8]) == 4
    assert program not in {found.program for found in members(database.url)}
    with pytest.raises(UsageError, match="no program is called"):
        forget(database.url, program)


def until_gone(database: Server, program: str) -> None:
    """Wait until the server has let go of a connection that was closed: whoever gets the lock knows."""
    of(database, History(0), program).close()
    while any(one.connected for one in members(database.url) if one.program == program):
        threading.Event().wait(0.02)


def test_tables_of_a_later_version_are_left_alone(database: Server) -> None:
    connect(database.url).close()
    database.ask("UPDATE selfproof_schema SET version = %s", len(POSTGRES) + 1)
    try:
        with pytest.raises(UsageError, match="are of version"):
            connect(database.url)
    finally:
        database.ask("UPDATE selfproof_schema SET version = %s", len(POSTGRES))


def test_engines_that_come_at_once_make_the_tables_once(database: Server) -> None:
    database.ask(
        "DROP TABLE selfproof_claim, selfproof_version, selfproof_candidate, selfproof_program, selfproof_schema"
    )
    problems: list[Exception] = []

    def come() -> None:
        try:
            connect(database.url).close()
        except (UsageError, ArchiveLost) as error:
            problems.append(error)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert problems == [] and database.ask("SELECT version FROM selfproof_schema") == [(len(POSTGRES),)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h/d", "postgresql://u@h/d?password=hunter2", "postgresql://u@h/d?sslpassword=hunter2",
        "mysql://h/d", "postgresql://h:x/d", "postgresql://u@h/d?passfile=/x", "sqlite:///x", "", "postgresql://h/a b",
    ],
)  # fmt: skip
def test_an_address_with_a_password_or_of_another_kind_is_refused(url: str) -> None:
    wrong = url_fault(url)
    assert wrong is not None and "hunter2" not in wrong
    with pytest.raises(CharterError) as told:
        charter.parse(CHARTER + f'[archive]\nurl = "{url}"\n')
    assert "hunter2" not in str(told.value)


def test_an_address_without_one_is_taken() -> None:
    text = CHARTER + '[archive]\nurl = "postgresql://u@h/d?sslmode=verify-full"\npassword_env = "PW"\n'
    assert charter.parse(text).archive == ArchiveSection(
        url="postgresql://u@h/d?sslmode=verify-full", password_env="PW"
    )


def test_the_password_is_taken_from_the_environment_that_is_named(
    database: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="has no SOME_NAME"):
        connect(database.url, "SOME_NAME")
    monkeypatch.setenv("SOME_NAME", "hunter2")
    link = connect(database.url, "SOME_NAME")
    assert link.info.password == "hunter2"
    link.close()


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    named = ArchiveSection(url="postgresql://u@127.0.0.1:1/d")
    with pytest.raises(ArchiveLost) as told:
        open_archive(named, tmp_path / "a.db", "0" * 32, "p", dict[str, bytes]().__getitem__,
                     (lambda start: [], lambda: 0), lambda event: None)  # fmt: skip
    assert "127.0.0.1:1" in str(told.value) and "\n" not in str(told.value) and "archive check" in told.value.advice()


def test_without_the_driver_it_is_said_which_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match="extra postgres"):
        connect("postgresql://u@h/d")


def test_who_does_not_use_it_loads_no_driver() -> None:
    script = "import sys, selfproof.session, selfproof.web.app, selfproof.cli.status; print('psycopg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
