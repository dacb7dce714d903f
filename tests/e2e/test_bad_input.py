"""Everything that a person can get wrong: a line that says what, one that says what to do, the right exit code."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from selfproof.cli import told


def complaint(done: Any, code: int, *words: str) -> None:
    """The answer is short, has no traceback, and says what is asked for."""
    assert done.code == code, (done.code, done.err)
    lines = done.err.strip().splitlines()
    assert 1 <= len(lines) <= 4 and "Traceback" not in done.err, done.err
    for word in words:
        assert word in done.err, done.err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["log"], "selfproof init"),
        (["status"], "selfproof init"),
        (["verify"], "--at"),
        (["compare", "start", "now", "--on", "report"], "selfproof init"),
        (["rollback", "v1"], "selfproof init"),
        (["stop"], "selfproof init"),
    ],
)
def test_a_folder_without_a_program(cli: Any, tmp_path: Path, words: list[str], what: str) -> None:
    complaint(cli.run(*words, "--at", tmp_path), 2, what)
    assert list(tmp_path.iterdir()) == []


def test_a_strategy_that_is_not_known_makes_nothing(cli: Any, tmp_path: Path) -> None:
    complaint(cli.run("run", "--strategy", "hgn", "--at", tmp_path), 2, "'hgn'", "Did you mean 'hgm'?")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["show", "v99"], ["v99", "selfproof log"]),
        (["show", "nonsense"], ["nonsense", "selfproof log"]),
        (["diff", "start", "later"], ["later", "start, now, anchor"]),
        (["export", "7777777"], ["7777777", "start, now, anchor"]),
        (["compare", "start", "9999", "--on", "report"], ["9999", "start, now, anchor"]),
        (["compare", "start", "no-such-branch", "--on", "report"], ["no-such-branch", "commit"]),
        (["compare", "start", "--help-me", "--on", "report"], ["--help"]),
        (["compare", "start", "now", "--on", "no-such-file.txt"], ["no-such-file.txt", "--on"]),
        (["compare", "start", "now"], ["--on"]),
        (["compare", "start", "now", "--on", "report", "--objective", "memry"], ["memry", "memory"]),
        (["rollback", "v0"], ["v0"]),
        (["rollback", "v99"], ["v99", "selfproof log"]),
        (["rollback", "start"], ["start", "selfproof log"]),
        (["init"], ["selfproof run"]),
        (["frobnicate"], ["frobnicate"]),
        (["run", "--minutes", "0"], ["minutes"]),
        (["run", "--minutes", "soon"], ["minutes"]),
        (["run", "--seed", "-1"], ["seed"]),
        (["log", "-n", "0"], ["-n"]),
    ],
)
def test_a_word_that_means_nothing(life: Any, cli: Any, words: list[str], what: list[str]) -> None:
    place = [str(life.folder)] if words == ["init"] else ["--at", str(life.folder)]
    complaint(cli.run(*words, *(place if words != ["frobnicate"] else [])), 2, *what)


@pytest.mark.parametrize("text", [b"", b"   \n\n  ", b"short", b"\xff\xfe\x00binary"])
def test_a_text_that_cannot_be_compared(life: Any, cli: Any, tmp_path: Path, text: bytes) -> None:
    (tmp_path / "mine.txt").write_bytes(text)
    complaint(cli.run("compare", "start", "now", "--on", tmp_path / "mine.txt", "--at", life.folder), 2, "text")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("alpha = 0.05", "alhpa = 0.05", ["alhpa", "'alpha'"]),
        ("minutes = 2.0", "minutes = -1", ["minutes", "between"]),
        ("[certify]", "[certify", ["TOML"]),
        ("tasks/language.py:Language", "tasks/gone.py:Language", ["gone.py"]),
        ("tasks/language.py:Language", "tasks/language.py:Nothing", ["Nothing"]),
    ],
)
def test_a_charter_that_cannot_be_used(cli: Any, unborn: Any, old: str, new: str, words: list[str]) -> None:
    folder = unborn()
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text().replace(old, new, 1))
    complaint(cli.run("run", "--minutes", "0.05", "--at", folder), 2, *words)
    assert not (folder / ".selfproof").exists()


def test_alpha_cannot_be_raised_in_one_life(cli: Any, copied: Path) -> None:
    charter = copied / "charter.toml"
    charter.write_text(charter.read_text().replace("alpha = 0.05", "alpha = 0.2"))
    complaint(cli.run("run", "--minutes", "0.05", "--at", copied), 2, "alpha", "new program")


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        ("program/memory.py", "import no_such_module\n\n\ndef predict(counts):\n    return counts\n", "no_such_module"),
        ("program/memory.py", "def predict(counts:\n", "SyntaxError"),
        ("program/memory.py", "def guess(counts):\n    return counts\n", "predict"),
        ("program/memory.py", "def merge():\n    pass\n\n\ndef predict(counts):\n    return 1\n", "float array"),
        ("tasks/language.py", "import no_such_module\n", "no_such_module"),
    ],
)
def test_a_program_or_a_task_that_does_not_import(cli: Any, unborn: Any, path: str, text: str, word: str) -> None:
    folder = unborn()
    (folder / path).write_text(text)
    complaint(cli.run("run", "--minutes", "0.05", "--json", "--at", folder), 2 if path[0] == "t" else 1, word)


def test_an_empty_program(cli: Any, unborn: Any) -> None:
    folder = unborn()
    for file in (folder / "program").iterdir():
        file.unlink()
    complaint(cli.run("run", "--minutes", "0.05", "--at", folder), 2, "empty")


def test_a_hand_edit_of_a_living_program_is_not_overwritten(cli: Any, copied: Path) -> None:
    file = copied / "program" / "memory.py"
    file.write_text(file.read_text() + "\n# mine\n")
    complaint(cli.run("run", "--minutes", "0.05", "--at", copied), 1, "memory.py", "checkout")
    assert file.read_text().endswith("# mine\n")


def test_half_a_template_is_not_completed(cli: Any, unborn: Any) -> None:
    folder = unborn()
    (folder / "charter.toml").unlink()
    complaint(cli.run("run", "--minutes", "0.05", "--at", folder), 2, "charter.toml")


def test_a_second_run_in_the_same_folder(cli: Any, unborn: Any) -> None:
    folder = unborn()
    first = cli.launch("run", "--minutes", "1", "--json", "--at", folder)
    try:
        for line in first.stdout:
            if '"race"' in line:
                break
        complaint(cli.run("run", "--minutes", "0.05", "--at", folder), 2, "another process")
        complaint(cli.run("rollback", "v1", "--at", folder), 2)
        assert cli.run("status", "--at", folder).code == 0
        assert first.poll() is None
    finally:
        cli.end(first)


def test_a_stopped_program_stays_stopped(cli: Any, copied: Path) -> None:
    assert cli.run("stop", "--at", copied).code == 0
    complaint(cli.run("run", "--minutes", "0.05", "--at", copied), 2, "selfproof resume")
    assert cli.run("status", "--json", "--at", copied).json["stopped"] is True
    assert cli.run("resume", "--json", "--at", copied).json["was_stopped"] is True
    assert cli.run("status", "--json", "--at", copied).json["stopped"] is False


def test_a_key_that_others_may_read(cli: Any, copied: Path) -> None:
    (copied / ".selfproof" / "key").chmod(0o644)
    complaint(cli.run("run", "--minutes", "0.05", "--at", copied), 4, "chmod 600")


def test_a_traceback_is_shown_when_asked_for(cli: Any, tmp_path: Path) -> None:
    done = cli.run("--debug", "log", "--at", tmp_path)
    assert done.code == 1 and "Traceback" in done.err and "no charter" in done.err


def test_a_reader_that_goes_away(life: Any) -> None:
    """``selfproof log | head -1`` must not end in a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "selfproof", "export", "--at", life.folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert b"Traceback" not in err


def test_help_is_quick_to_start() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "selfproof", "--help"], capture_output=True, check=True, text=True)
    assert "run" in done.stdout and time.monotonic() - began < 10
    assert os.linesep in done.stdout


def test_a_disk_that_is_full_for_the_archive_is_no_fault_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite has its own words for a full disk and for one that cannot be written."""
    database = sqlite3.connect(tmp_path / "archive")
    database.execute("create table rows (text)")
    database.execute("pragma max_page_count = 3")
    database.commit()
    with pytest.raises(sqlite3.OperationalError) as full:
        database.execute("insert into rows values (zeroblob(1000000))")
    database.execute("pragma query_only = 1")
    with pytest.raises(sqlite3.OperationalError) as closed:
        database.execute("insert into rows values (1)")
    database.close()
    for error, words, advice in ((full.value, "No space left", "make room"), (closed.value, "ead-only", "writable")):
        assert told(error) == 1
        said = capsys.readouterr().err
        assert words in said and advice in said and "fault in selfproof" not in said, said
