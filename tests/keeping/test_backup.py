"""Backup, restore and moving house: what comes back verifies and goes on, and no program lives twice unnoticed."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof import birth, life, session, submitting
from selfproof.audit import audit, keys
from selfproof.audit.sharing import HistoryDiffers
from selfproof.audit.witnessing import ask_all
from selfproof.keeping import backup, moving
from selfproof.keeping.restoring import restore
from selfproof.ledger import Ledger, LedgerBroken, read
from selfproof.ledger.merkle import root_at
from selfproof.ledger.witness import Witness
from selfproof.ledger.witness_http import Server
from selfproof.nouns import SelfproofError, UsageError
from selfproof.places import Paths


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Born, and never run."""
    folder = made(tmp_path / "program")
    birth.begin(folder, seed=1)
    return folder


def back(file: Path, out: Path, **how: Any) -> dict[str, Any]:
    return restore(file, out, by="ann", **how)


def heads(folder: Path) -> str:
    command = ["git", "-C", str(folder / "program"), "log", "--format=%H"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_program_comes_back_with_its_versions_and_goes_on(finite_life: Any, tmp_path: Path, cli: Any) -> None:
    file, again = tmp_path / "kept.selfproof", tmp_path / "again"
    told = cli.run("backup", file, "--with-key", "--json", "--at", finite_life.folder)
    assert told.code == 0 and json.loads(told.out)["with_key"] and file.stat().st_mode & 0o777 == 0o600
    assert cli.run("restore", file, again, "--json").code == 2, "it lives on where it was"
    done = cli.run("restore", file, again, "--another", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["entries"] == finite_life.summary["ledger"]["entries"] + 1 and found["version"] == 2
    assert heads(again) == heads(finite_life.folder)
    with life.opened(again) as living:
        assert living.state.overseen.places[-1][2] == "in" and not living.finished
    submitting.submit(again, "note", {"by": "ann", "words": "it goes on"})
    assert audit(Paths(again).ledger)["ok"]
    assert Paths(again).private.stat().st_mode & 0o777 == 0o700
    assert Paths(again).key.stat().st_mode & 0o777 == 0o600


def test_without_the_key_nothing_secret_is_in_it_and_nothing_goes_on(program: Path, tmp_path: Path) -> None:
    with life.opened(program) as living:
        living.begin_epoch()
    paths = Paths(program)
    secrets = [paths.key.read_text().strip(), paths.epoch_key.read_text().strip()]
    backup.write(program, tmp_path / "b", with_key=False)
    with tarfile.open(tmp_path / "b") as tar:
        texts = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert not any(secret.encode() in text for secret in secrets for text in texts.values())
    assert b'"host"' not in texts["manifest.json"], "nor where it lives"
    assert not back(tmp_path / "b", tmp_path / "again")["can_sign"]
    assert audit(tmp_path / "again" / ".selfproof" / "ledger")["ok"]
    with pytest.raises(LedgerBroken, match="key"), life.opened(tmp_path / "again"):
        pass


def test_backups_of_a_program_that_writes_are_beginnings_of_it_that_verify(program: Path, tmp_path: Path) -> None:
    stop, wrote = threading.Event(), threading.Event()

    def write() -> None:
        with Ledger.open(Paths(program).ledger, Paths(program).key) as ledger:
            for number in range(100_000):
                blob = {"$blob": ledger.put_blob(b"%d" % number * 50)}
                ledger.append(
                    "note", {"by": "b", "words": ledger.openings.put("x"), "more": blob}, durable=number % 7 == 0
                )
                wrote.set()
                if stop.is_set():
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert wrote.wait(60)
        for number in range(6):
            backup.write(program, tmp_path / str(number), with_key=number % 2 == 0)
    finally:
        stop.set()
        writer.join()
    whole = [leaf.raw for leaf in read(Paths(program).ledger).leaves()]
    for number in range(6):
        told: dict[str, Any] = {}
        told = backup.each(tmp_path / str(number), lambda name, file: None)
        root = root_at(iter(whole), told["entries"])
        assert root is not None and root.hex() == told["root"]
        back(tmp_path / str(number), tmp_path / f"again-{number}", another=True)
        assert audit(tmp_path / f"again-{number}" / ".selfproof" / "ledger")["ok"]


@pytest.mark.parametrize("hurt", ["cut", "flipped", "no manifest", "a file more", "elsewhere", "a link", "nothing"])
def test_what_is_no_whole_backup_leaves_nothing_behind(program: Path, tmp_path: Path, hurt: str) -> None:
    file, out = tmp_path / "b", tmp_path / "somewhere" / "again"
    backup.write(program, file, with_key=True)
    data = file.read_bytes()
    if hurt == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif hurt == "nothing":
        file.write_bytes(b"")
    else:
        rewritten(file, hurt)
    with pytest.raises((UsageError, LedgerBroken)):
        back(file, out, another=True)
    assert not out.exists() and not list(out.parent.iterdir()), "nothing is left"


def rewritten(file: Path, hurt: str) -> None:
    """The same backup with one thing about it changed."""
    with tarfile.open(file) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    with tarfile.open(file, "w:gz") as tar:
        for member, data in members:
            if hurt == "no manifest" and member.name == backup.MANIFEST:
                continue
            if hurt == "flipped" and member.name == "ledger/log":
                tar.addfile(member, io.BytesIO(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]))
                continue
            tar.addfile(member, io.BytesIO(data))
            if member.name == "ledger/log" and hurt in {"a file more", "elsewhere", "a link"}:
                other = tarfile.TarInfo(
                    {"elsewhere": "folder/../../away", "a link": "private/l"}.get(hurt, "private/x")
                )
                other.type, other.linkname = (tarfile.SYMTYPE, "/etc/passwd") if hurt == "a link" else (b"0", "")
                tar.addfile(other)


def test_nothing_is_overwritten(program: Path, tmp_path: Path) -> None:
    backup.write(program, tmp_path / "b", with_key=True)
    with pytest.raises(UsageError, match="already"):
        backup.write(program, tmp_path / "b", with_key=True)
    with pytest.raises(UsageError, match="own folder"):
        backup.write(program, program / "b", with_key=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        back(tmp_path / "b", tmp_path / "full", another=True)


def test_a_program_moves_and_lives_once(program: Path, tmp_path: Path, cli: Any) -> None:
    assert cli.run("move", tmp_path / "b", "--at", program).code == 0
    (program / "STOP").write_text("")
    for act in (
        lambda: next(session.run(program, 0.1, 1)),
        lambda: submitting.submit(program, "note", {"by": "ann", "words": "still here?"}),
        lambda: keys.turned(program, "new"),
        lambda: moving.move(program, tmp_path / "c", "ann"),
        lambda: backup.write(program, tmp_path / "c", with_key=True),
    ):
        with pytest.raises(UsageError, match="has moved away"):
            act()
    assert read(Paths(program).ledger).size == 3, "nothing can sign there"
    told = back(tmp_path / "b", tmp_path / "new")
    assert told["moved"] and told["entries"] == 4
    submitting.submit(tmp_path / "new", "note", {"by": "ann", "words": "here"})
    assert audit(Paths(tmp_path / "new").ledger)["ok"]


def test_a_move_that_was_cut_off_is_made_again_or_taken_back(program: Path, tmp_path: Path, monkeypatch: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(backup, "write", lambda *_, **__: (_ for _ in ()).throw(SelfproofError("killed")))
        with pytest.raises(SelfproofError, match="killed"):
            moving.move(program, tmp_path / "b", "ann")
    with pytest.raises(UsageError, match="about to move"), life.opened(program):
        pass
    moving.move(program, tmp_path / "b", "ann")
    assert not Paths(program).key.exists()
    moving.back(program, "ann")
    with life.opened(program) as living:
        assert [what for _, _, what in living.state.overseen.places] == ["out", "back"]
    assert audit(Paths(program).ledger)["ok"]
    with pytest.raises(UsageError, match="has not moved"):
        moving.back(program, "ann")


@contextlib.contextmanager
def witnessed(log: str, place: Path) -> Iterator[Server]:
    witness = Witness(place, "witness.example/w1")
    witness.trust(log)
    server = Server(("127.0.0.1", 0), witness)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield server
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        witness.close()


def test_a_witness_that_has_seen_more_has_it_refused(tmp_path: Path) -> None:
    folder = made(tmp_path / "program")
    birth.begin(folder, seed=1)
    vkey = (Paths(folder).ledger / "vkey").read_text().strip()
    with witnessed(vkey, tmp_path / "witness") as server:
        line = f"http://127.0.0.1:{server.server_port} {server.witness.key.cosigner.vkey}"
        with (folder / "charter.toml").open("a") as charter:
            charter.write(f'\n[ledger]\nwitnesses = ["{line}"]\n')
        submitting.submit(folder, "note", {"by": "ann", "words": "one"})
        backup.write(folder, tmp_path / "older", with_key=True)
        submitting.submit(folder, "note", {"by": "ann", "words": "two"})
        backup.write(folder, tmp_path / "newer", with_key=True)
        assert ask_all(Paths(folder).ledger, Paths(folder).witnessed, [line])[0]["reason"] == ""
        kept = tmp_path / "kept"
        shutil.copy(Paths(folder).ledger / "checkpoint", kept)
        with pytest.raises(HistoryDiffers, match="witness"):
            back(tmp_path / "older", tmp_path / "again", another=True)
        assert back(tmp_path / "newer", tmp_path / "again", another=True)["witnesses"][0]["entries"]
    with pytest.raises(HistoryDiffers, match="the end of it is gone"):
        back(tmp_path / "older", tmp_path / "other", another=True, against=kept)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"what": "back"}, "not there to move"),
        ({"what": "up"}, "no way to move"),
        ({"what": "out", "entries": 1}, "another log"),
        ({"what": "out", "root": "00" * 32}, "another log"),
    ],
)
def test_a_move_that_cannot_be_is_seen(program: Path, body: dict[str, Any], reason: str) -> None:
    paths = Paths(program)
    with Ledger.open(paths.ledger, paths.key) as ledger:
        ledger.append("move", {"by": "b", "entries": ledger.size, "root": ledger.root.hex(), **body}, durable=True)
    assert reason in audit(paths.ledger)["first_bad"]["reason"]


def test_work_after_it_left_is_seen(program: Path) -> None:
    paths = Paths(program)
    with Ledger.open(paths.ledger, paths.key) as ledger:
        ledger.append("move", {"what": "out", "by": "b", "entries": ledger.size, "root": ledger.root.hex()})
        ledger.append("propose", {"objective": "suite", "batch": 0, "n": 0, "candidates": []}, durable=True)
    assert "had left" in audit(paths.ledger)["first_bad"]["reason"]


def test_disk_adds_up(finite_life: Any, cli: Any) -> None:
    row = json.loads(cli.run("disk", "--json", "--at", finite_life.folder).out)
    assert row["counted"] == sum(taken for name, taken in row["parts"].items() if name != "program") > 0
    assert row["parts"]["ledger/log"] >= (Paths(finite_life.folder).ledger / "log").stat().st_size // 2
    assert row["candidates"] > 0 and row["free"] > 0
