import errno
import hashlib
import os
import pickle
import resource
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import selfproof.ledger
from selfproof.ledger import Ledger, LedgerBroken, LedgerBusy, check, read
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.proofs import root_of
from selfproof.ledger.statement import parse_statement


def test_the_public_surface():
    assert sorted(selfproof.ledger.__all__) == [
        "Check", "Leaf", "Ledger", "LedgerBroken", "LedgerBusy", "Reader", "check", "read",
    ]  # fmt: skip


def test_importable_without_the_rest():
    code = (
        "import sys, selfproof.ledger; print([m for m in sys.modules if m.split('.')[0] in"
        " ('numpy', 'click', 'rich') or m.startswith('selfproof.') and 'ledger' not in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_genesis(ledger, folder, key):
    (leaf,) = ledger.leaves()
    assert (leaf.index, leaf.kind, ledger.size) == (0, "genesis", 1)
    assert leaf.body["charter"] == "c" * 64
    assert (folder / "vkey").read_text() == leaf.body["vkey"] + "\n"
    assert check(folder).ok
    assert key.stat().st_mode & 0o777 == 0o600


def test_append_returns_what_a_reader_sees(ledger, folder):
    digest = ledger.put_blob(b"evidence")
    leaf = ledger.append("race", {"pairs": (1, 2.5), "data": {"$blob": digest}}, subject={"edit": "e" * 64})
    assert leaf.body == {"pairs": [1, 2.5], "data": {"$blob": digest}, "time": leaf.time}
    assert parse_statement(leaf.raw).subject == {"edit": "e" * 64}
    reader = read(folder)
    assert list(reader.leaves(1)) == [leaf] == list(ledger.leaves(1))
    assert (reader.size, reader.root) == (ledger.size, ledger.root)
    assert reader.get_blob(digest) == ledger.get_blob(digest) == b"evidence"


def test_the_root_is_the_merkle_root_of_the_leaves(ledger):
    for i in range(9):
        ledger.append("propose", {"i": i})
    assert ledger.root == root_of([leaf_hash(leaf.raw) for leaf in ledger.leaves()])
    assert ledger.size == 10


def test_the_default_subject_is_the_program(ledger):
    leaf = ledger.append("propose", {})
    assert parse_statement(leaf.raw).subject == {"demo": hashlib.sha256(b"demo").hexdigest()}


def test_a_snapshot_does_not_grow(ledger, folder):
    reader, entries = read(folder), ledger.leaves()
    ledger.append("propose", {})
    assert len(list(reader.leaves())) == len(list(entries)) == 1


def test_only_durable_entries_are_signed_at_once(ledger, folder):
    ledger.append("propose", {})
    assert check(folder).unsigned_tail == 1
    ledger.append("verdict", {}, durable=True)
    assert check(folder).unsigned_tail == 0
    ledger.append("propose", {})
    ledger.commit()
    assert check(folder).unsigned_tail == 0


def test_close_commits_and_reopening_goes_on(create, folder, key, clock):
    with create() as ledger:
        ledger.append("propose", {"i": 1})
    assert check(folder).unsigned_tail == 0
    with Ledger.open(folder, key, clock=clock) as again:
        assert (again.size, again.root) == (ledger.size, ledger.root)
        assert again.append("propose", {"i": 2}).index == 2
    assert check(folder).entries == 3
    again.close()
    with pytest.raises(ValueError, match="closed"):
        again.append("propose", {})


def test_the_clock_never_goes_backwards(create, folder, key, clock):
    with create() as ledger:
        late = ledger.append("propose", {}).time
        clock.now = datetime(2020, 1, 1, tzinfo=UTC)
        assert ledger.append("propose", {}).time == late
    with Ledger.open(folder, key, clock=clock) as ledger:
        assert ledger.append("propose", {}).time == late
        clock.now = datetime(2030, 1, 1, tzinfo=UTC)
        assert ledger.append("propose", {}).time == "2030-01-01T00:00:01.000000Z"
    assert check(folder).ok


def test_a_second_writer_is_refused(ledger, folder, key):
    with pytest.raises(LedgerBusy) as caught:
        Ledger.open(folder, key)
    assert caught.value.exit_code == 2 and "stop" in caught.value.advice()
    ledger.append("propose", {})  # the first is not disturbed
    ledger.close()
    Ledger.open(folder, key).close()


def test_create_refuses_to_overwrite(ledger, folder, create):
    before = (folder / "log").read_bytes()
    with pytest.raises(FileExistsError, match="open it instead"):
        create()
    assert (folder / "log").read_bytes() == before


def test_create_makes_a_private_key_and_clears_what_a_crash_left(folder, tmp_path):
    left = folder.with_name("ledger.new")
    left.mkdir(parents=True)
    (left / "log").write_bytes(b"half")
    key = tmp_path / "elsewhere" / "key"
    Ledger.create(folder, key, program_id="p-1.x", genesis={}).close()
    assert check(folder).ok and not left.exists()
    assert key.stat().st_mode & 0o777 == 0o600 and len(bytes.fromhex(key.read_text())) == 32


@pytest.mark.parametrize("program_id", ["", "a b", "a+b", "-x", "a/b", "x" * 101, "ä"])
def test_program_ids_that_no_key_name_can_carry(folder, key, program_id):
    with pytest.raises(ValueError, match="program id"):
        Ledger.create(folder, key, program_id=program_id, genesis={})
    assert not folder.exists()


def test_the_key_may_not_lie_in_the_ledger(folder):
    with pytest.raises(ValueError, match="inside"):
        Ledger.create(folder, folder / "key", program_id="demo", genesis={})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda key: key.unlink(), "no signing key"),
        (lambda key: key.chmod(0o640), "chmod 600"),
        (lambda key: key.write_text("zz" * 32), "32 bytes"),
        (lambda key: key.write_bytes(b"\xff" * 64), "no signing key"),
        (lambda key: key.write_text("11" * 32), "not the key of this ledger"),
    ],
)
def test_a_wrong_key_is_refused(populated, key, spoil, reason):
    spoil(key)
    with pytest.raises(LedgerBroken, match=reason) as caught:
        Ledger.open(populated, key)
    assert (caught.value.kind, caught.value.exit_code) == ("key", 4) and "key" in caught.value.advice()
    assert check(populated).ok  # whoever reads needs no key


@pytest.mark.parametrize("use", [Ledger.open, lambda folder, _key: read(folder)])
def test_there_is_no_ledger(folder, key, use):
    with pytest.raises(LedgerBroken, match="there is no ledger"):
        use(folder, key)
    assert not check(folder).ok and not folder.exists()


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("genesis", {}, ValueError),
        ("Race", {}, ValueError),
        ("race", {"time": "now"}, ValueError),
        ("race", {"x": float("nan")}, ValueError),
        ("race", {"x": 2**53 + 1}, ValueError),
        ("race", {"x": b""}, TypeError),
        ("race", {"x": "y" * 70_000}, ValueError),
        ("race", {"x": {"$blob": "0" * 64}}, ValueError),
        ("race", {"x": {"$blob": "0"}}, ValueError),
    ],
)
def test_a_refused_entry_leaves_no_trace(ledger, folder, kind, body, error):
    before = (folder / "log").read_bytes(), (ledger.size, ledger.root)
    with pytest.raises(error):
        ledger.append(kind, body, durable=True)
    assert ((folder / "log").read_bytes(), (ledger.size, ledger.root)) == before
    ledger.append("race", {})
    assert check(folder).ok


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(LedgerBroken(3, "race", "why")))
    assert (error.index, error.kind, error.reason, str(error)) == (3, "race", "why", "entry 3 (race): why")


def test_blobs_are_stored_once_and_checked(ledger, folder):
    digest = ledger.put_blob(b"data")
    path = folder / "blobs" / "sha256" / digest[:2] / digest
    inode = path.stat().st_ino
    assert ledger.put_blob(b"data") == digest and path.stat().st_ino == inode
    path.write_bytes(b"")  # what a power cut may leave behind
    with pytest.raises(LedgerBroken, match="altered"):
        ledger.get_blob(digest)
    ledger.put_blob(b"data")
    assert ledger.get_blob(digest) == b"data"
    path.unlink()
    with pytest.raises(LedgerBroken, match="missing"):
        read(folder).get_blob(digest)
    ledger.put_blob(b"data")
    with pytest.raises(ValueError, match="hex"):
        ledger.get_blob("../../key")


def test_threads_may_share_it(ledger, folder):
    def work(n):
        for i in range(50):
            ledger.append("propose", {"thread": n, "i": i}, durable=i % 20 == 0)
            ledger.put_blob(f"{n} {i % 7}".encode())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.size == 201 and check(folder).ok


def test_crash_order_of_a_durable_append(ledger, folder, monkeypatch):
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(fd):
        calls.append("sync " + os.path.relpath(Path(f"/proc/self/fd/{fd}").readlink(), folder))
        fsync(fd)

    def spy_replace(source, target):
        calls.append("rename " + os.path.relpath(target, folder))
        replace(source, target)

    digest = ledger.put_blob(b"data")
    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    ledger.append("verdict", {"data": {"$blob": digest}}, durable=True)
    place = f"blobs/sha256/{digest[:2]}"
    assert calls == [
        f"sync {place}/{digest}",
        f"sync {place}",
        "sync blobs/sha256",
        "sync blobs",
        "sync .",
        "sync log",
        "sync checkpoint.tmp",
        "rename checkpoint",
        "sync .",
    ]


def fail_with(number):
    def refuse(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("durable", [False, True])
def test_disk_full_in_the_middle_of_a_record(ledger, folder, monkeypatch, durable):
    ledger.append("propose", {"i": 1})
    before = (folder / "log").read_bytes(), (ledger.size, ledger.root)
    pwrite, left = os.pwrite, [40]

    def short_pwrite(fd, data, offset):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        done, left[0] = min(left[0], len(data)), 0
        return pwrite(fd, data[:done], offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", short_pwrite)
        with pytest.raises(OSError, match="free some space") as caught:
            ledger.append("propose", {"i": 2}, durable=durable)
    assert caught.value.errno == errno.ENOSPC
    assert ((folder / "log").read_bytes(), (ledger.size, ledger.root)) == before
    assert check(folder).ok
    assert ledger.append("propose", {"i": 3}, durable=durable).index == 2
    assert check(folder).entries == 3 and check(folder).ok


def test_a_real_file_size_limit_in_the_middle_of_a_record(ledger, folder):
    before = (folder / "log").read_bytes(), (ledger.size, ledger.root)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before[0]) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            ledger.append("propose", {"text": "x" * 500})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ((folder / "log").read_bytes(), (ledger.size, ledger.root)) == before


def test_disk_full_at_the_checkpoint_keeps_what_was_signed(ledger, folder, key, monkeypatch):
    """The signer remembers the entry by then: it may not be taken back, and the next writer goes on behind it."""
    ledger.append("propose", {})
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_with(errno.ENOSPC))
        with pytest.raises(OSError, match="free some space"):
            ledger.put_blob(b"data")
        with pytest.raises(OSError, match="free some space"):
            ledger.append("verdict", {}, durable=True)
        with pytest.raises(OSError, match="open the ledger again"):
            ledger.append("verdict", {}, durable=True)
    assert not list(folder.glob("*.tmp"))  # gives its space back
    assert check(folder).ok and check(folder).unsigned_tail == 2
    ledger.close()
    with Ledger.open(folder, key) as again:
        assert [leaf.kind for leaf in again.leaves()] == ["genesis", "propose", "verdict"]
        assert again.append("propose", {}, durable=True).index == 3
    assert check(folder).unsigned_tail == 0


def test_after_a_failed_sync_only_reopening_helps(ledger, folder, key, monkeypatch):
    ledger.append("propose", {})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail_with(errno.EIO))
        with pytest.raises(OSError, match="check the disk"):
            ledger.append("verdict", {}, durable=True)
    with pytest.raises(OSError, match="open the ledger again"):
        ledger.append("propose", {})
    ledger.close()
    with Ledger.open(folder, key) as again:
        assert again.size == 2
    assert check(folder).ok


@pytest.mark.parametrize("function", ["pwrite", "fsync", "replace", "open"])
@pytest.mark.parametrize("nth", range(7))
def test_a_refusal_at_any_call_loses_nothing(ledger, folder, key, monkeypatch, function, nth):
    digest = ledger.put_blob(b"data")
    ledger.append("verdict", {"i": 1}, durable=True)
    ledger.put_blob(b"more")
    real, calls = getattr(os, function), [0]

    def sometimes(*args, **kwargs):
        calls[0] += 1
        if calls[0] == nth + 1:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    acknowledged = False
    with monkeypatch.context() as patch:
        patch.setattr(os, function, sometimes)
        try:
            ledger.append("verdict", {"i": 2, "data": {"$blob": digest}}, durable=True)
            acknowledged = True
        except OSError:
            assert calls[0] > nth
    assert check(folder).ok
    ledger.close()
    with Ledger.open(folder, key) as again:
        assert again.size == 3 if acknowledged else again.size in (2, 3)
        again.append("verdict", {"i": 3}, durable=True)
    assert check(folder).ok


def test_an_interrupt_leaves_the_entry_whole_or_absent(ledger, folder, monkeypatch):
    before = (ledger.size, ledger.root)
    pwrite = os.pwrite

    def interrupted(fd, data, offset):
        pwrite(fd, data[:30], offset)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ledger.append("propose", {})
    assert (ledger.size, ledger.root) == before and check(folder).entries == 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            ledger.append("propose", {}, durable=True)
    assert check(folder).entries == ledger.size == 2
    ledger.append("propose", {}, durable=True)
    assert check(folder).ok and check(folder).unsigned_tail == 0


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_read_only_folder_is_named_with_advice(populated, key, monkeypatch, number):
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail_with(number))
        with pytest.raises(OSError, match="selfproof verify") as caught:
            Ledger.open(populated, key)
    assert caught.value.errno == number and str(populated) in str(caught.value)


def test_the_promises_that_are_not_made_are_listed():
    folder = Path(selfproof.ledger.__file__).parent
    names = "blobs files frames keys ledger merkle note replay signer signing statement verify"
    for name in names.split():
        assert "Does not protect against:\n- " in (folder / f"{name}.py").read_text(), name
