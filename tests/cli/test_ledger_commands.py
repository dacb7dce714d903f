"""What a stranger gets of a ledger, as it is typed: proofs, static files, checkpoints to compare with, a witness."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def mine(life: Any, tmp_path: Path) -> Path:
    """A copy of a life."""
    folder = tmp_path / "mine"
    shutil.copytree(life.folder, folder)
    return folder


@pytest.fixture
def witness(mine: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A witness of its log in a process of its own: address, and the file with its key."""
    log, state = str(mine / ".selfproof" / "ledger" / "vkey"), str(tmp_path / "w")
    words = [sys.executable, "-m", "selfproof", "witness", "serve", "--name", "witness.example/w1", "--log", log]
    words += ["--folder", state, "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        key, address = process.stdout.readline(), process.stdout.readline().split()[0]
        (tmp_path / "w1.vkey").write_text(key)
        yield address, tmp_path / "w1.vkey"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def test_a_proof_is_checked_with_nothing_but_the_key(cli: Any, mine: Path, tmp_path: Path) -> None:
    proof, key = tmp_path / "v1.tlog-proof", tmp_path / "vkey"
    shutil.copy(mine / ".selfproof/ledger/vkey", key)
    assert cli.run("ledger", "proof", "v1", "--at", mine, "--out", proof).code == 0
    shutil.rmtree(mine)
    done = cli.run("ledger", "check", proof, "--key", key, "--json")
    assert done.code == 0 and done.json["kind"] == "adopt" and done.json["entry"]["predicate"]["version"] == 1
    assert "proven: entry" in cli.run("ledger", "check", proof, "--key", key.read_text()).out
    proof.write_text(re.sub(r"^index \d+$", "index 1", proof.read_text(), flags=re.MULTILINE))
    done = cli.run("ledger", "check", proof, "--key", key)
    assert done.code == 4 and "NOT proven" in done.err
    assert cli.run("ledger", "check", proof, "--key", "nonsense").code == 2
    proof.write_text("hello")
    assert cli.run("ledger", "check", proof, "--key", key).code == 4


def test_an_entry_that_is_not_there_is_named(cli: Any, mine: Path) -> None:
    for name in ("99999", "v77", "x"):
        done = cli.run("ledger", "proof", name, "--at", mine)
        assert done.code == 2 and done.out == "" and len(done.err.splitlines()) == 2, done


def test_an_export_is_what_a_stranger_reads(cli: Any, mine: Path, tmp_path: Path) -> None:
    from selfproof.ledger import read, tiles

    out = tmp_path / "public"
    done = cli.run("ledger", "export", out, "--at", mine, "--json")
    entries = [leaf.raw for leaf in read(mine / ".selfproof" / "ledger").leaves()]
    assert done.code == 0 and done.json["entries"] == len(entries)
    assert list(tiles.leaves_of(out, len(entries))) == entries
    assert (out / "checkpoint").read_bytes() == (mine / ".selfproof/ledger/checkpoint").read_bytes()
    assert cli.run("ledger", "export", out, "--at", mine, "--json").json["files"] == 1, "the checkpoint alone"
    other = tmp_path / "other"
    cli.run("init", other)
    done = cli.run("ledger", "export", out, "--at", other)
    assert done.code == 2 and "another log" in done.err


def test_a_ledger_extends_what_somebody_kept(cli: Any, mine: Path, tmp_path: Path) -> None:
    """An old checkpoint is a prefix; after a rewrite with the same key it is none, although the copy is sound."""
    from selfproof.ledger import Ledger
    from selfproof.ledger.keys import read_key
    from selfproof.ledger.note import Checkpoint, Signer, sign_note

    folder, key = mine / ".selfproof" / "ledger", mine / ".selfproof" / "key"
    kept = tmp_path / "kept"
    shutil.copy(folder / "checkpoint", kept)
    with Ledger.open(folder, key) as ledger:
        ledger.append("halt", {"by": "a test"}, durable=True)
        origin, size = ledger._hands.signings[0].signed.verifier.name, ledger.size
    done = cli.run("verify", "--at", mine, "--against", kept, "--json")
    assert done.code == 0 and done.json["seen"][0]["entries"] == size - 1
    forged = Checkpoint(origin, size - 1, bytes(32))
    kept.write_bytes(sign_note(forged.text, Signer(origin, read_key(key))))
    done = cli.run("verify", "--at", mine, "--against", kept)
    assert done.code == 4 and "history was rewritten" in done.err
    longer = Checkpoint(origin, size + 5, bytes(32))
    kept.write_bytes(sign_note(longer.text, Signer(origin, read_key(key))))
    assert "the end of it is gone" in cli.run("verify", "--at", mine, "--against", kept).err
    kept.write_text("hello")
    assert cli.run("verify", "--at", mine, "--against", kept).code == 2


def test_a_witness_binds_whoever_holds_the_key(cli: Any, mine: Path, witness: tuple[str, Path], tmp_path: Path) -> None:
    from selfproof.ledger import Ledger

    address, key = witness
    done = cli.run("verify", "--at", mine, "--witness", key)
    assert done.code == 4 and "no checkpoint here is cosigned" in done.err
    done = cli.run("witness", "ask", address, "--key", key, "--at", mine, "--json")
    assert done.code == 0 and json.loads(done.out)["witness"] == "witness.example/w1"
    assert "cosigned by witness.example/w1" in cli.run("verify", "--at", mine, "--witness", key).out
    folder, secret, copy = mine / ".selfproof" / "ledger", mine / ".selfproof" / "key", tmp_path / "copy"
    shutil.copytree(mine, copy)
    for home, words in ((mine, "one thing"), (copy, "another")):
        with Ledger.open(home / ".selfproof" / "ledger", home / ".selfproof" / "key") as ledger:
            ledger.append("halt", {"by": words}, durable=True)
    assert folder.exists() and secret.exists()
    assert cli.run("witness", "ask", address, "--key", key, "--at", mine).code == 0
    assert cli.run("verify", "--at", copy).code == 0, "by itself the copy is sound"
    done = cli.run("witness", "ask", address, "--key", key, "--at", copy)
    assert done.code == 4 and "has seen" in done.err


@pytest.mark.parametrize("words", [("witness", "ask", "ftp://x", "--key", "k"), ("witness", "serve", "--name", "a b")])
def test_what_is_wrong_is_named(cli: Any, mine: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    more = ("--at", mine) if words[1] == "ask" else ("--folder", tmp_path / "w")
    done = cli.run(*words, *more)
    assert done.code == 2 and "Traceback" not in done.err and done.err.startswith("selfproof: ")


def test_witnesses_are_asked_one_by_one(mine: Path, witness: tuple[str, Path], tmp_path: Path) -> None:
    from selfproof.audit.witnessing import ask_all
    from selfproof.ledger import Ledger

    address, key = witness
    lines = [f"{at} {key.read_text().strip()}" for at in (address, "http://127.0.0.1:9")]
    copy = tmp_path / "copy"
    shutil.copytree(mine, copy)
    for home, words in ((mine, "one thing"), (copy, "another")):
        with Ledger.open(home / ".selfproof" / "ledger", home / ".selfproof" / "key") as ledger:
            ledger.append("halt", {"by": words}, durable=True)
    place = tmp_path / "witnessed"
    asked, lost = ask_all(mine / ".selfproof" / "ledger", place, lines)
    assert asked["entries"] > 10 and not asked["reason"] and "witness.example/w1" in place.read_text()
    assert lost["entries"] is None and lost["reason"] and not lost["conflict"]
    assert ask_all(mine / ".selfproof" / "ledger", place, lines[:1])[0]["entries"] == asked["entries"]
    (other,) = ask_all(copy / ".selfproof" / "ledger", tmp_path / "other", lines[:1])
    assert other["conflict"] and other["entries"] is None and not (tmp_path / "other").exists()


@pytest.mark.slow
def test_a_run_asks_the_charters_witnesses_and_fails_if_one_saw_another_history(
    cli: Any, mine: Path, witness: tuple[str, Path], tmp_path: Path
) -> None:
    from selfproof.ledger import Ledger

    address, key = witness
    charter, line = mine / "charter.toml", f"{address} {key.read_text().strip()}"
    away = f"http://127.0.0.1:9 {key.read_text().strip()}"
    before = charter.read_text().partition("[ledger]")[0]
    charter.write_text(before + f'\n[ledger]\nwitnesses = ["{line}", "{away}"]\n')
    copy, words = tmp_path / "copy", ("run", "--minutes", "0.01", "--json", "--at")
    shutil.copytree(mine, copy)
    done = cli.run(*words, mine)
    assert done.code == 0, done.err
    asked, lost = json.loads(done.out.splitlines()[-1])["witnesses"]
    assert asked["entries"] > 10 and asked["reason"] == ""
    assert lost["entries"] is None and lost["reason"] and not lost["conflict"]
    assert cli.run("verify", "--at", mine, "--witness", key).code == 0
    with Ledger.open(copy / ".selfproof" / "ledger", copy / ".selfproof" / "key") as ledger:
        for _ in range(60):
            ledger.append("halt", {"by": "another history"}, durable=False)
    done = cli.run(*words, copy)
    assert done.code == 4 and "does not extend" in done.err
    charter.write_text(charter.read_text().replace(away, "ftp://x"))
    done = cli.run(*words, mine)
    assert done.code == 2 and "[ledger] witnesses" in done.err


def test_the_key_of_a_log_is_replaced(mine: Path, cli: Any, tmp_path: Path) -> None:
    """By commands: both keys verify a bundle, a proof by the old one holds, and only the new one signs in the end."""
    first = cli.run("ledger", "key", "--json", "--at", mine).json["keys"]
    assert cli.run("ledger", "key", "--end", "--at", mine).code == 2
    two = cli.run("ledger", "key", "--new", "--json", "--at", mine).json
    assert two["keys"] == [*first, two["keys"][1]] and cli.run("ledger", "key", "--new", "--at", mine).code == 2
    assert cli.run("note", "between", "--at", mine).code == 0
    kept = tmp_path / "kept"
    kept.write_bytes((mine / ".selfproof/ledger/checkpoint").read_bytes())
    assert cli.run("ledger", "key", "--end", "--json", "--at", mine).json["in_force"] == [two["keys"][1]]
    assert cli.run("note", "after", "--at", mine).code == 0
    assert not (mine / ".selfproof/key").exists() and (mine / ".selfproof/key.1").exists()
    assert cli.run("verify", "--against", kept, "--at", mine).code == 0
    assert cli.run("ledger", "bundle", tmp_path / "bundle", "--at", mine).code == 0
    for key in two["keys"]:
        assert cli.run("verify", "--bundle", tmp_path / "bundle", "--key", key).code == 0
    proof = tmp_path / "p.tlog-proof"
    assert cli.run("ledger", "proof", "0", "--out", proof, "--at", mine).code == 0
    assert cli.run("ledger", "check", proof, "--key", two["keys"][1]).code == 0
    assert cli.run("ledger", "check", proof, "--key", first[0]).code == 4
