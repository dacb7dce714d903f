"""Keys that follow one another: both sign for a while, and nobody else's key can follow."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from selfproof.ledger import Ledger, LedgerBroken, check
from selfproof.ledger.note import Signer, Verifier, checkpoint_of, parse_checkpoint, sign_note
from selfproof.ledger.replay import Replay
from selfproof.ledger.rotation import Keys, statement

VERIFIER = Path(__file__).resolve().parents[2] / "verifiers" / "verify.mjs"
node = pytest.mark.skipif(shutil.which("node") is None, reason="the second verifier needs node: apt install nodejs")


def turn(folder: Path, key: Path, clock: object) -> str:
    with Ledger.open(folder, key, clock=clock) as ledger:
        body = ledger.next_key()
        ledger.append("key", body, durable=True)
    return body["vkey"]


def end(folder: Path, key: Path, clock: object, vkey: str) -> None:
    with Ledger.open(folder, key, clock=clock) as ledger:
        ledger.append("key-end", {"vkey": vkey}, durable=True)


def grow(folder: Path, key: Path, clock: object, n: int = 2) -> None:
    with Ledger.open(folder, key, clock=clock) as ledger:
        for i in range(n):
            ledger.append("propose", {"i": i}, durable=True)


def signers(folder: Path) -> list[Verifier]:
    return list(Replay.of(folder).signers)


def second(folder: Path, *more: str) -> dict:
    done = subprocess.run(["node", str(VERIFIER), str(folder), *more], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)


@pytest.fixture
def turned(create, folder, key, clock):
    """A log whose key was replaced twice, the second time with both still signing; its three keys."""
    with create() as ledger:
        ledger.append("propose", {}, durable=True)
    first = (folder / "vkey").read_text().strip()
    two = turn(folder, key, clock)
    grow(folder, key, clock)
    end(folder, key, clock, first)
    grow(folder, key, clock)
    three = turn(folder, key, clock)
    grow(folder, key, clock)
    return [first, two, three]


def test_two_keys_sign_until_the_older_one_ends(create, folder, key, clock):
    create().close()
    first = (folder / "vkey").read_text().strip()
    new = turn(folder, key, clock)
    assert [one.vkey for one in signers(folder)] == [first], "a key takes effect behind its entry"
    grow(folder, key, clock)
    note = (folder / "checkpoint").read_bytes()
    assert [one.vkey for one in signers(folder)] == [new, first]
    assert checkpoint_of(note, Verifier.parse(first)) == checkpoint_of(note, Verifier.parse(new))
    end(folder, key, clock, first)
    grow(folder, key, clock)
    assert [one.vkey for one in signers(folder)] == [new]
    with pytest.raises(ValueError, match="no signature"):
        checkpoint_of((folder / "checkpoint").read_bytes(), Verifier.parse(first))
    assert check(folder).ok


@node
def test_both_verifiers_follow_the_keys(turned, folder):
    assert check(folder).ok and second(folder)["ok"]
    for given, ok in (
        (turned[0], True),
        (turned[2], True),
        (turned[1], True),
        (Signer("x", bytes(32)).verifier.vkey, False),
    ):
        assert second(folder, "--key", given)["ok"] is ok


def test_every_byte_of_a_checkpoint_of_two_keys_counts(turned, folder):
    place = folder / "checkpoint"
    note = place.read_bytes()
    for at in range(len(note)):
        place.write_bytes(note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :])
        assert not check(folder).ok, at
    lines = note.splitlines(keepends=True)
    for kept in (lines[:-1], [*lines[:-2], lines[-1]], [*lines[:-2], lines[-1], lines[-2]], [*lines, lines[-1]]):
        place.write_bytes(b"".join(kept))
        assert not check(folder).ok


def test_an_earlier_checkpoint_is_signed_by_the_keys_of_its_time(turned, folder, key, clock):
    """The newest key alone cannot vouch for what was before it."""
    note = sign_note(Replay.of(folder).checkpoint._replace(size=2).text, Signer("selfproof.local/demo", bytes(32)))
    with pytest.raises(ValueError, match="log's key"):
        parse_checkpoint(note, [Verifier.parse(turned[2])])


def test_nobody_elses_key_can_follow(create, folder, key):
    create().close()
    first = Verifier.parse((folder / "vkey").read_text().strip())
    thief = Signer(first.name, bytes(32))
    text = statement(first.name, 1, bytes(32), thief.verifier.vkey)
    alone = sign_note(text, thief)
    forged = alone + sign_note(text, Signer(first.name, b"\1" * 32)).rpartition(b"\n\n")[2]
    for note in (alone, forged, alone + alone.rpartition(b"\n\n")[2]):
        with pytest.raises(ValueError, match=r"log's key|match"):
            Keys((first,)).follow("key", {"vkey": thief.verifier.vkey, "note": note.decode()}, 1, bytes(32))


def test_a_hand_over_is_about_one_place_in_one_log(create, folder, key, clock):
    create().close()
    with Ledger.open(folder, key, clock=clock) as ledger:
        size, root, body = ledger.size, ledger.root, ledger.next_key()
    first = Verifier.parse((folder / "vkey").read_text().strip())
    assert Keys((first,)).follow("key", body, size, root).overlap
    for at, under in ((size + 1, root), (size, bytes(32))):
        with pytest.raises(ValueError, match="something else"):
            Keys((first,)).follow("key", body, at, under)
    with pytest.raises(ValueError, match="does not sign along"):
        Keys((first,)).follow("key-end", {"vkey": first.vkey}, size, root)


def test_an_entry_that_changes_keys_ends_the_writer(create, folder, key, clock):
    create().close()
    with Ledger.open(folder, key, clock=clock) as ledger:
        ledger.append("key", ledger.next_key())
        with pytest.raises(OSError, match="keys have changed"):
            ledger.append("propose", {})
    assert check(folder).ok


def test_a_forged_key_entry_is_refused_by_reader_and_writer(turned, folder, key, clock):
    """Its bytes are changed together with checksum, root and signature: the owner's own hand."""
    with Ledger.open(folder, key, clock=clock) as ledger:
        ledger.append("key-end", {"vkey": turned[1]}, durable=True)
    with Ledger.open(folder, key, clock=clock) as ledger:
        thief = Signer(ledger._hands.keys.chain[0].name, bytes(32)).verifier
        ledger.append("key", {**ledger.next_key(), "vkey": thief.vkey}, durable=True)
    found = check(folder)
    assert not found.ok and found.first_bad["kind"] == "key"
    with pytest.raises(LedgerBroken):
        Ledger.open(folder, key, clock=clock)


def test_a_kill_between_any_two_steps_loses_nothing(create, folder, key, clock, tmp_path):
    """A process turns keys and is killed at each of its syncs in turn; the log opens, grows and verifies."""
    create().close()
    script = (
        "import os, signal, sys; from pathlib import Path; from selfproof.ledger import Ledger\n"
        "left, real = [int(sys.argv[3])], os.fsync\n"
        "def fsync(fd):\n"
        "    left[0] -= 1\n"
        "    if left[0] < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(fd)\n"
        "os.fsync = fsync\n"
        "with Ledger.open(Path(sys.argv[1]), Path(sys.argv[2])) as ledger:\n"
        "    ledger.append('key', ledger.next_key(), durable=True)\n"
        "print('done')"
    )
    for syncs in range(12):
        here, own = tmp_path / f"copy{syncs}", tmp_path / f"keys{syncs}"
        shutil.copytree(folder, here)
        own.mkdir()
        for file in (key, key.with_name(key.name + ".signed")):
            shutil.copy2(file, own / file.name)
        done = subprocess.run(
            [sys.executable, "-c", script, str(here), str(own / key.name), str(syncs)], capture_output=True, check=False
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        with Ledger.open(here, own / key.name) as ledger:
            ledger.append("propose", {}, durable=True)
        assert check(here).ok, syncs
        if done.returncode == 0:
            break
    else:
        pytest.fail("it never came to its end")
