"""The signer: a process that has the key, signs one log growing, and remembers on disk what it signed."""

import ast
import base64
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import selfproof
from selfproof.ledger import Ledger, LedgerBroken, LedgerBusy, check, read, signing
from selfproof.ledger.keys import read_key
from selfproof.ledger.merkle import Tree
from selfproof.ledger.note import Checkpoint, Signer, sign_note
from selfproof.ledger.signer import ACCOUNT, SIGN, SLOT
from selfproof.ledger.signing import Signing

ROOT = os.geteuid() == 0


def grown(tree, n, salt=b"a"):
    leaves = [salt * 31 + bytes([i]) for i in range(n)]
    for leaf in leaves:
        tree = tree.append(leaf)
    return leaves, tree


def pid_of(ledger):
    return ledger._hands.signings[0]._process.pid


def gone(pid):
    for _ in range(300):
        if not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z":
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def signer(tmp_path):
    made = Signing(tmp_path / "own" / "key", "selfproof.local/demo")
    yield made
    made.close()


def test_nothing_but_an_extension_is_signed_also_after_a_restart(signer):
    """Whoever speaks to it can say a root that its own tree does not have; that is all, and it is refused."""
    leaves, tree = grown(Tree(), 3)
    signer.sign(leaves, tree.root)
    for _ in range(2):
        for other in (Tree(), grown(Tree(), 2)[1], grown(Tree(), 3, b"b")[1], grown(Tree(), 4, b"b")[1]):
            with pytest.raises(LedgerBroken, match="does not extend the 3 entries") as caught:
                signer.sign([], other.root)
            assert caught.value.kind == "signed" and "newest copy" in caught.value.advice()
        signer.close()
    more, tree = grown(tree, 2)
    assert said(signer.sign(more, tree.root)) == (5, tree.root)


def said(note):
    lines = note.decode().split("\n")
    return int(lines[1]), base64.b64decode(lines[2])


def test_words_that_it_does_not_know_end_it_and_change_nothing(signer):
    leaves, tree = grown(Tree(), 3)
    signer.sign(leaves, tree.root)
    for words in (b"?" + bytes(32), b"+" + bytes(33), SIGN, SIGN + bytes(31), b"x" * 40000):
        signer._socket.send(words)
        with pytest.raises(LedgerBroken, match="does not extend"):
            signer._answer()
        signer.close()
        assert said(signer.sign([], tree.root)) == (3, tree.root)


def test_an_older_copy_put_back_is_not_written_to(create, folder, key, tmp_path):
    with create() as ledger:
        ledger.append("propose", {}, durable=True)
    older, newest = tmp_path / "older", tmp_path / "newest"
    shutil.copytree(folder, older)
    with Ledger.open(folder, key) as ledger:
        ledger.append("verdict", {"certified": False}, durable=True)
    folder.rename(newest)
    shutil.copytree(older, folder)
    before = (folder / "log").read_bytes()
    with pytest.raises(LedgerBroken, match=r"signed: 3 entries were signed, 2 are here: an older copy") as caught:
        Ledger.open(folder, key)
    assert caught.value.exit_code == 4 and "newest copy" in caught.value.advice() and "init" in caught.value.advice()
    assert (folder / "log").read_bytes() == before and check(folder).ok  # by itself it is sound
    shutil.rmtree(folder)
    newest.rename(folder)
    with Ledger.open(folder, key) as ledger:
        assert ledger.append("propose", {}, durable=True).index == 3


def test_a_history_rewritten_with_the_key_is_not_written_to(create, folder, key, tmp_path):
    """Sound, of the same size, and signed by the same key: only who remembers can tell."""
    with create() as ledger:
        ledger.append("verdict", {"certified": False}, durable=True)
    copied = tmp_path / "copied"
    copied.write_bytes(key.read_bytes())
    copied.chmod(0o600)
    shutil.rmtree(folder)
    with Ledger.create(folder, copied, program_id="demo", genesis={}) as forged:
        forged.append("verdict", {"certified": True}, durable=True)
    assert check(folder).ok
    with pytest.raises(LedgerBroken, match="2 entries were signed, not these: an older copy, or rewritten"):
        Ledger.open(folder, key)


def test_a_killed_signer_is_started_again_and_nothing_is_lost(ledger, folder):
    ledger.append("propose", {}, durable=True)
    first = pid_of(ledger)
    os.kill(first, signal.SIGKILL)
    ledger.append("propose", {})
    assert ledger.append("verdict", {}, durable=True).index == 3
    assert pid_of(ledger) != first and check(folder).ok and check(folder).unsigned_tail == 0


def test_kill_9_of_the_signer_at_any_moment(ledger, folder):
    """Once in each append; what was acknowledged is there, and signed."""
    rng, pids = random.Random(3), set()
    for _ in range(15):
        pids.add(pid_of(ledger))
        killing = threading.Timer(rng.uniform(0, 0.002), ledger._hands.signings[0]._process.kill)
        killing.start()
        ledger.append("results", {})
        ledger.append("verdict", {}, durable=True)
        assert check(folder).unsigned_tail == 0
        killing.join()
        ledger.append("verdict", {}, durable=True)  # by one that runs, in time for the next kill
    ledger.close()
    assert len(pids) == 15 and check(folder).ok and read(folder).size == 46


def test_a_signer_that_does_not_start_is_named_and_nothing_is_written(ledger, folder, key, monkeypatch):
    monkeypatch.setattr(signing, "_CODE", "raise SystemExit")
    os.kill(pid_of(ledger), signal.SIGKILL)
    with pytest.raises(OSError, match=r"the signer ended \(killed\): run again, nothing is lost"):
        ledger.append("verdict", {}, durable=True)
    with pytest.raises(OSError, match="open the ledger again"):
        ledger.append("verdict", {}, durable=True)
    ledger.close()
    monkeypatch.undo()
    with Ledger.open(folder, key) as again:
        assert [leaf.kind for leaf in again.leaves()] == ["genesis", "verdict"]


def test_it_ends_with_the_engine(create, folder, key):
    create().close()
    script = (
        "import sys, time; from pathlib import Path; from selfproof.ledger import Ledger\n"
        "ledger = Ledger.open(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(ledger._hands.signings[0]._process.pid, flush=True); time.sleep(60)"
    )
    engine = subprocess.Popen([sys.executable, "-c", script, str(folder), str(key)], stdout=subprocess.PIPE)
    with engine:
        pid = int(engine.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        engine.kill()
    assert gone(pid)
    Ledger.open(folder, key).close()


def test_nobody_looks_into_it_and_it_has_what_it_needs_only(ledger):
    place = Path(f"/proc/{pid_of(ledger)}")
    assert (place / "mem").stat().st_uid == 0  # not dumpable: what it is made of is root's
    if not ROOT:
        with pytest.raises(PermissionError):
            (place / "environ").read_bytes()
        return
    assert (place / "environ").read_bytes() == b""
    held = {one.readlink().name.partition(":")[0] for one in (place / "fd").iterdir()}
    assert held == {"socket", "null", "key.signed"}
    status = (place / "status").read_text()
    uids = status.partition("\nUid:")[2].split()[:4]
    assert set(uids) == {str(ACCOUNT)}


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_the_files_belong_to_an_account_of_its_own(ledger, key):
    assert ledger.signer == "own account"
    assert {one.stat().st_uid for one in (key, key.with_name("key.signed"))} == {ACCOUNT}


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_a_persons_key_stays_that_persons(create, folder, key):
    create().close()
    for one in (key, key.with_name("key.signed")):
        os.chown(one, 12345, 12345)
    with Ledger.open(folder, key) as ledger:
        assert ledger.signer == "same account"
    assert key.stat().st_uid == 12345


def test_a_key_that_became_another_accounts_is_named(key, monkeypatch):
    """A run as root gave it away; without root it cannot be opened any more."""

    def refused(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(LedgerBroken, match=r"key: .* is another account's: run as root, or chown it"):
        read_key(key)


def test_half_a_write_of_the_memory_leaves_the_other_slot(create, folder, key):
    with create() as ledger:
        ledger.append("propose", {}, durable=True)
    memory = key.with_name("key.signed")
    slots = memory.read_bytes()
    sizes = [int.from_bytes(slots[at + 32 : at + 40]) for at in (0, SLOT)]
    assert sorted(sizes) == [1, 2]
    at = sizes.index(2) * SLOT
    memory.write_bytes(slots[: at + 50] + bytes(30) + slots[at + 80 :])
    with Ledger.open(folder, key) as ledger:
        assert ledger.append("propose", {}, durable=True).index == 2
    assert check(folder).unsigned_tail == 0
    for broken in (b"", bytes(2 * SLOT), slots[:40]):
        memory.write_bytes(broken)
        with pytest.raises(LedgerBroken, match=r"key\.signed is damaged, or another key's"):
            Ledger.open(folder, key)


def test_a_ledger_from_before_there_was_a_signer_goes_on(populated, key):
    key.with_name("key.signed").unlink()
    with Ledger.open(populated, key) as ledger:
        assert ledger.append("verdict", {}, durable=True).index == 8
    shutil.copy(populated / "checkpoint", populated.with_name("kept"))
    assert check(populated).unsigned_tail == 0 and key.with_name("key.signed").exists()


def test_a_key_signs_one_ledger(ledger, key, tmp_path):
    ledger.close()
    with pytest.raises(ValueError, match="signs another ledger"):
        Ledger.create(tmp_path / "second", key, program_id="demo", genesis={})
    with pytest.raises(LedgerBroken, match="another key's"):
        Ledger.create(tmp_path / "third", key, program_id="other", genesis={})


def test_two_signers_never_have_one_key(ledger, key, monkeypatch):
    monkeypatch.setattr(signing, "SECONDS", 0.5)
    with pytest.raises(LedgerBusy, match="another process signs with"):
        Signing(key, "selfproof.local/demo")
    ledger.append("verdict", {}, durable=True)


def test_a_checkpoint_that_nobody_remembers_is_caught(create, folder, key):
    """A stolen key can sign a checkpoint; the entries under it still have to be those that the signer saw."""
    with create() as ledger:
        ledger.append("propose", {"n": 1})
    with Ledger.open(folder, key) as ledger:
        ledger.append("propose", {"n": 2})
        ledger._ended = "dropped"
    whole = read(folder)
    stolen = Signer("selfproof.local/demo", bytes.fromhex(key.read_text()))
    (folder / "checkpoint").write_bytes(sign_note(Checkpoint(stolen.name, whole.size, whole.root).text, stolen))
    with Ledger.open(folder, key) as ledger:  # they extend what was signed: nothing was taken back
        assert ledger.append("propose", {"n": 3}, durable=True).index == 3
    assert check(folder).ok


def test_what_is_not_durable_waits_for_no_disk(ledger, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    monkeypatch.setattr(ledger._hands.signings[0], "sign", lambda *_: calls.append("signed"))
    for i in range(100):
        ledger.append("race", {"results": {"$blob": ledger.put_blob(b"%d" % i)}})
    assert not calls
    monkeypatch.undo()


def test_which_entries_wait_for_the_disk():
    """Read from the source: what is bound by waiting waits, what happens all the time does not."""
    waits: dict[str, set[bool]] = {}
    for path in Path(selfproof.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in ("log", "append")
            ):
                kind = call.args[0].value if len(call.args) > 1 and isinstance(call.args[0], ast.Constant) else None
                if isinstance(kind, str):
                    waits.setdefault(kind, set()).add(any(word.arg == "durable" for word in call.keywords))
    durable = {kind for kind, how in waits.items() if how == {True}}
    assert {"confirm-start", "guard-start", "verdict", "adopt", "canary", "seed-commit", "genesis"} <= durable
    assert all(waits[kind] == {False} for kind in ("propose", "race", "results", "check", "guard")), waits
