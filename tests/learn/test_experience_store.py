"""The store of experience: what it keeps, what it must never keep, and that nothing wrong with it ends a run."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from selfproof.learn import experience, recorder
from selfproof.learn.experience import Attempt, Store
from selfproof.learn.recorder import Nothing, Recorder, recorder_of

BEFORE = "def secret_function(salary):\n    return salary + 97.0\n"
ATTEMPT = Attempt(
    "c1", "c0", "quality", "bits", "wrap", "improver", "raced", 0.1, BEFORE, BEFORE.replace("97.0", "np.hidden(3.0)")
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine writing may take longer than the end of a run would wait for."""
    monkeypatch.setattr(recorder, "LAST_S", 30.0)


def rows(path: Path, columns: str = "*") -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as db:
        return db.execute(f"SELECT {columns} FROM edit ORDER BY number").fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "experience.db"


def write(path: Path, *attempts: Attempt, program: str = "p") -> None:
    store = Store(path)
    store.add(experience.short(program), attempts)
    store.close()


def test_it_holds_no_code_no_title_and_no_name_of_anybody(path: Path) -> None:
    hostile = replace(ATTEMPT, candidate="c2", operator="def stolen(): return salary", proposer="http://host/v1#mine")
    named = replace(ATTEMPT, candidate="c3", proposer="agent: claude", outcome="salary", gain=float("nan"))
    write(path, ATTEMPT, hostile, named, program="my-secret-program")
    for file in path.parent.iterdir():
        for word in (b"salary", b"secret", b"hidden", b"stolen", b"host", b"claude"):
            assert word not in file.read_bytes(), (file.name, word)
    assert rows(path, "operator, proposer, outcome, gain") == [
        ("wrap", "improver", "raced", 0.1),
        ("other", "model", "raced", 0.1),
        ("wrap", "agent", "other", None),
    ]


def test_a_row_says_what_was_changed_and_what_came_of_it(path: Path) -> None:
    write(path, ATTEMPT)
    (row,) = rows(path, "site, depth, size_before, size_after, ratio, outcome, certified")
    assert row == ("Constant", 4, 1, 4, None, "raced", None)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_an_edit_is_counted_once(path: Path) -> None:
    write(path, ATTEMPT, ATTEMPT)
    write(path, replace(ATTEMPT, outcome="worse"))
    write(path, ATTEMPT, program="another")
    assert rows(path, "outcome") == [("raced",), ("raced",)]


def test_a_certificate_is_credited_to_all_that_it_rests_on(path: Path) -> None:
    chain = [replace(ATTEMPT, candidate=f"c{i}", parent=f"c{i - 1}") for i in range(1, 6)]
    apart = replace(ATTEMPT, candidate="d", parent="c2")
    write(path, *chain, apart)
    store, program = Store(path), experience.short("p")
    store.decided(program, "c2", True)
    store.decided(program, "c5", False)
    assert [row[0] for row in rows(path, "certified")] == [1, 1, None, None, 0, None]
    store.decided(program, "c5", True)
    store.close()
    assert [row[0] for row in rows(path, "certified")] == [1, 1, 1, 1, 1, None]


def test_a_line_that_bites_its_tail_ends(path: Path) -> None:
    write(path, replace(ATTEMPT, candidate="a", parent="b"), replace(ATTEMPT, candidate="b", parent="a"))
    store = Store(path)
    store.decided(experience.short("p"), "a", True)
    store.close()
    assert rows(path, "certified") == [(1,), (1,)]


def test_the_newest_rows_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experience, "MOST", 10)
    for i in range(5):
        write(path, *[replace(ATTEMPT, candidate=f"c{i}-{j}") for j in range(4)])
    assert [row[0] for row in rows(path, "candidate")] == [
        experience.short(f"c{i}-{j}") for i in range(5) for j in range(4)
    ][-10:]


def test_shares_come_from_the_same_kind_first(path: Path) -> None:
    for metric, outcome, count in (("bits", "worse", 40), ("other_metric", "raced", 40)):
        write(path, *[replace(ATTEMPT, candidate=f"{metric}{i}", metric=metric, outcome=outcome) for i in range(count)])
    write(path, *[replace(ATTEMPT, candidate=f"s{i}", kind="speed") for i in range(40)])
    told = experience.told(path, "quality", "bits", ["wrap", "blend"])
    assert told["rows"] == 120
    assert told["operators"] == {"wrap": {"kept": pytest.approx(12 / 52), "certified": 0.0, "tried": pytest.approx(52)}}
    assert set(told["sites"]) == {"wrap Constant"}
    assert experience.told(path, "quality", "bits", ["blend"]) == {}
    assert experience.told(path.with_name("none.db"), "quality", "bits", ["wrap"]) == {}


def test_ideas_that_failed_twice_and_never_led_anywhere_are_told_for_the_same_metric_alone(path: Path) -> None:
    short = experience.short
    outcomes = {"once": ["worse"], "twice": ["worse", "invalid"], "kept": ["worse", "worse", "raced"],
                "won": ["worse", "worse"], "elsewhere": ["worse"] * 3}  # fmt: skip
    for what, each in outcomes.items():
        metric = "score" if what == "elsewhere" else "bits"
        write(path, *(replace(ATTEMPT, candidate=f"{what}{i}", outcome=o, metric=metric) for i, o in enumerate(each)))
    with sqlite3.connect(path) as db:
        for what, each in outcomes.items():
            for i in range(len(each)):
                db.execute("UPDATE edit SET idea=? WHERE candidate=?", (short(what), short(f"{what}{i}")))
        db.execute("UPDATE edit SET certified=1 WHERE candidate=?", (short("won1"),))
    db.close()
    assert experience.told(path, "quality", "bits", ["wrap"])["failed"] == [short("twice")]
    assert experience.told(path, "quality", "score", ["wrap"])["failed"] == [short("elsewhere")]
    with sqlite3.connect(path) as db:
        db.execute("UPDATE edit SET idea='do as I say' WHERE metric='score'")
    db.close()
    assert experience.told(path, "quality", "score", ["wrap"])["failed"] == [], "no words from elsewhere"


def test_a_file_from_elsewhere_puts_no_words_into_a_view(path: Path) -> None:
    write(path, *[replace(ATTEMPT, candidate=f"c{i}") for i in range(50)])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE edit SET site='doasisay', operator='obey' WHERE number > 20")
    db.close()
    told = experience.told(path, "quality", "bits", ["wrap"])
    assert set(told["operators"]) == {"wrap"}
    assert told["operators"]["wrap"]["tried"] == 20
    with sqlite3.connect(path) as db:
        db.execute("UPDATE edit SET site='doasisay', operator='wrap'")
    db.close()
    assert experience.told(path, "quality", "bits", ["wrap"]) == {}


def used(path: Path) -> Recorder:
    """What a run does with a store."""
    run = Recorder(path, "p", reads=True)
    run.told("quality", "bits", ["wrap"])
    run.raced([ATTEMPT])
    run.decided("c1", True)
    run.close()
    return run


def test_a_run_writes_what_it_was_told(path: Path) -> None:
    assert used(path).problem is None
    assert rows(path, "outcome, certified") == [("raced", 1)]


def test_a_store_that_is_being_made_is_an_empty_one(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert experience.told(path, "quality", "bits", ["wrap"]) == {}
    assert experience.summary(path)["rows"] == 0


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no database, it is a letter to somebody" * 100)


def newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()


def other_table(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE edit(x)")
        db.execute("PRAGMA user_version=1")
    db.close()


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("harm", [damaged, newer, other_table, folder])
def test_whatever_is_wrong_with_it_is_one_line_and_no_error(path: Path, harm: object) -> None:
    path.parent.mkdir()
    harm(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else b""
    problem = used(path).problem
    assert problem is not None
    assert problem.startswith("experience is not used: ")
    assert len(problem.splitlines()) == 1
    if harm in {damaged, newer}:
        assert path.read_bytes() == before, "a store that cannot be read is left as it is"


def test_a_file_in_the_place_of_its_folder_is_one_line_too(path: Path) -> None:
    path.parent.write_text("a file")
    problem = used(path).problem
    assert problem is not None
    assert len(problem.splitlines()) == 1


def test_a_store_that_is_locked_holds_nobody_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experience, "WAIT_S", 0.3)
    write(path, replace(ATTEMPT, candidate="c0"))
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    run = Recorder(path, "p", reads=True)
    run.told("quality", "bits", ["wrap"])
    for _ in range(1000):
        run.raced([ATTEMPT])
    assert time.monotonic() - began < 20.0, "a thousand times the lock is five minutes"
    run.close()
    holder.execute("ROLLBACK")
    holder.close()
    assert run.problem is not None
    assert len(rows(path)) == 1


def test_several_runs_write_at_once(path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom selfproof.learn import experience, recorder\n"
        "from selfproof.learn.experience import Attempt\n"
        "experience.WAIT_S = recorder.LAST_S = 30.0\n"  # of a busy machine
        "r = recorder.Recorder(Path(sys.argv[1]), sys.argv[2], reads=True)\n"
        "for i in range(30):\n"
        "    r.raced([Attempt(f'c{i}', 'c', 'quality', 'bits', 'wrap', 'improver', 'raced', .1, 'x', 'y')])\n"
        "r.close()\nassert r.problem is None, r.problem\n"
    )
    many = [subprocess.Popen([sys.executable, "-c", script, path, str(i)]) for i in range(4)]
    assert [one.wait(60) for one in many] == [0] * 4
    assert len(rows(path)) == 120


def test_a_run_with_a_seed_writes_and_is_told_nothing(path: Path) -> None:
    used(path)
    run = Recorder(path, "q", reads=False)
    assert run.told("quality", "bits", ["wrap"]) == {}
    run.raced([ATTEMPT])
    run.close()
    assert len(rows(path)) == 2
    assert experience.told(path, "quality", "bits", ["wrap"])["rows"] == 2


def test_what_it_is_told_stays_what_it_was(path: Path) -> None:
    used(path)
    run = Recorder(path, "q", reads=True)
    first = run.told("quality", "bits", ["wrap"])
    run.raced([replace(ATTEMPT, candidate=f"c{i}") for i in range(9)])
    deadline = time.monotonic() + 10
    while len(rows(path)) < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.told("quality", "bits", ["wrap"]) == first
    run.close()


@pytest.mark.parametrize("said", ["off", "OFF"])
def test_it_is_switched_off_by_the_environment_or_the_charter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str
) -> None:
    monkeypatch.setenv(experience.VARIABLE, said)
    assert type(recorder_of("p", keep=True, seed=None)) is Nothing
    monkeypatch.setenv(experience.VARIABLE, str(tmp_path / "x.db"))
    assert type(recorder_of("p", keep=False, seed=None)) is Nothing
    on = recorder_of("p", keep=True, seed=None)
    assert type(on) is Recorder
    on.close()
    assert (tmp_path / "x.db").exists()


def test_its_place_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(experience.VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert experience.place() == tmp_path / ".local" / "share" / "selfproof" / "experience.db"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert experience.place() == tmp_path / "data" / "selfproof" / "experience.db"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert experience.place() == tmp_path / ".local" / "share" / "selfproof" / "experience.db"


def test_no_thread_stays(path: Path) -> None:
    used(path)
    assert not [t for t in threading.enumerate() if t.name == "selfproof-experience" and t.is_alive()]


def test_the_tests_themselves_keep_nothing() -> None:
    assert experience.place() is None
