"""Whatever is changed on disk, `check` says so and names the entry; only a torn unsigned tail is forgiven."""

import os
import random
import shutil
import struct
import zlib

import pytest

from selfproof.ledger import Ledger, LedgerBroken, check, read
from selfproof.ledger.frames import encode, scan
from selfproof.ledger.note import Checkpoint, Signer, sign_note
from selfproof.ledger.statement import make_statement

SIGNED = 6


def frames(folder):
    """[(start, end, kind)] of every record."""
    kinds = [leaf.kind for leaf in read(folder).leaves()]
    with (folder / "log").open("rb") as log:
        ends = [frame.end for frame in scan(log)]
    return list(zip([0, *ends], ends, kinds, strict=False))


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(folder, path, offset, mask):
    """Change one byte, return the verdict, and put it back."""
    data = path.read_bytes()
    path.write_bytes(data[:offset] + bytes([data[offset] ^ mask]) + data[offset + 1 :])
    result = check(folder)
    path.write_bytes(data)
    return result


def expect_named(folder, path, offset, result, records):
    assert not result.ok, (path.name, offset)
    bad = result.first_bad
    if path.name == "log":
        index = next(i for i, (start, end, _) in enumerate(records) if start <= offset < end)
        assert bad["index"] == index, (offset, bad)
        assert bad["kind"] in (records[index][2], "unknown") or offset - records[index][0] > 8
    elif path.name in ("checkpoint", "vkey"):
        assert bad["kind"] == path.name and bad["index"] is None
    else:
        assert path.name in bad["reason"]


def test_untouched(populated):
    result = check(populated)
    assert result.ok and result.first_bad is None
    assert (result.entries, result.unsigned_tail, result.root) == (8, 2, read(populated).root.hex())


def test_random_flips_in_every_file(populated):
    rng, records = random.Random(7), frames(populated)
    assert len(files(populated)) == 6
    for path in files(populated):
        size = path.stat().st_size
        for offset in {0, size - 1, *(rng.randrange(size) for _ in range(60))}:
            expect_named(populated, path, offset, flip(populated, path, offset, rng.randrange(1, 256)), records)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_every_byte_of_every_file(populated, mask):
    records = frames(populated)
    for path in files(populated):
        for offset in range(path.stat().st_size):
            expect_named(populated, path, offset, flip(populated, path, offset, mask), records)


def test_every_bit_of_every_header(populated):
    records = frames(populated)
    for start, _, _ in records:
        for offset in range(start, start + 8):
            for bit in range(8):
                result = flip(populated, populated / "log", offset, 1 << bit)
                expect_named(populated, populated / "log", offset, result, records)


def test_a_flip_inside_an_entry_names_its_kind(populated):
    start, end, kind = frames(populated)[3]
    result = flip(populated, populated / "log", start + 60, 1)
    assert (result.first_bad["index"], result.first_bad["kind"]) == (3, kind) == (3, "confirm-start")
    assert result.entries == 3 and end > start


def test_damaged_blobs_name_the_first_entry_that_needs_them(populated):
    blobs = sorted((populated / "blobs").rglob("?" * 64))
    seen = {}
    for path in blobs:
        bad = flip(populated, path, 0, 1).first_bad
        seen[bad["index"]] = bad["kind"]
        moved = path.with_name("moved")
        path.rename(moved)
        missing = check(populated).first_bad
        assert missing["kind"] in ("race", "results", "stray")
        moved.rename(path)
    assert seen == {2: "race", 4: "results", None: "blob"}


@pytest.mark.parametrize("name", ["log", "checkpoint", "vkey"])
def test_missing_files(populated, key, name):
    (populated / name).unlink()
    assert check(populated).first_bad["kind"] == name
    with pytest.raises(LedgerBroken) as caught:
        Ledger.open(populated, key)
    assert caught.value.kind == name


@pytest.mark.parametrize(
    "name",
    [
        "extra",
        ".hidden",
        "blobs/x",
        "blobs/sha256/ab/short",
        "blobs/sha256/zz/" + "0" * 64,
        "blobs/sha256/" + "0" * 64,
    ],
)
def test_files_that_do_not_belong(populated, name):
    path = populated / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    bad = check(populated).first_bad
    assert bad["kind"] == "stray" and path.name in bad["reason"]


def test_links_and_folders_do_not_belong(populated, tmp_path):
    (tmp_path / "outside").write_bytes((populated / "vkey").read_bytes())
    (populated / "vkey").unlink()
    (populated / "vkey").symlink_to(tmp_path / "outside")
    assert check(populated).first_bad["kind"] == "stray"
    (populated / "vkey").unlink()
    shutil.move(tmp_path / "outside", populated / "vkey")
    (populated / "blob.tmp").mkdir()
    assert check(populated).first_bad["kind"] == "stray"
    (populated / "blob.tmp").rmdir()
    assert check(populated).ok


def test_a_blob_that_is_only_a_link_is_missing(populated, tmp_path):
    for path in sorted((populated / "blobs").rglob("?" * 64)):
        outside = tmp_path / "outside"
        shutil.move(path, outside)
        path.symlink_to(outside)
        assert "missing" in check(populated).first_bad["reason"]
        path.unlink()
        shutil.move(outside, path)


def test_unreadable_things_never_raise(populated):
    (populated / "checkpoint").unlink()
    (populated / "checkpoint").mkdir()
    result = check(populated)
    assert not result.ok and "cannot be read" in result.first_bad["reason"]


def rewrite(folder, index, raw):
    records = frames(folder)
    data = (folder / "log").read_bytes()
    (folder / "log").write_bytes(data[: records[index][0]] + encode(raw) + data[records[index][1] :])


def forged(time="2026-01-02T03:04:08.000000Z", **body):
    return make_statement("race", {"time": time, **body}, {"demo": "0" * 64})


def test_a_signed_entry_rewritten_with_its_checksum(populated, key):
    rewrite(populated, 2, forged())
    bad = check(populated).first_bad
    assert bad["kind"] == "log" and "rewritten" in bad["reason"]
    with pytest.raises(LedgerBroken, match="rewritten"):
        Ledger.open(populated, key)


def test_a_signed_entry_left_out_swapped_or_doubled(populated):
    log = populated / "log"
    data, records = log.read_bytes(), frames(populated)
    (a, b, _), (_, c, _) = records[2], records[3]
    for changed in (data[:a] + data[b:], data[:a] + data[b:c] + data[a:b] + data[c:], data[:b] + data[a:]):
        log.write_bytes(changed)
        assert not check(populated).ok
    log.write_bytes(data)
    assert check(populated).ok


def test_an_unsigned_entry_must_still_be_a_statement_in_order(populated, key):
    rewrite(populated, 7, b"not json")
    assert check(populated).first_bad["index"] == 7
    with pytest.raises(LedgerBroken) as caught:
        Ledger.open(populated, key)
    assert caught.value.index == 7
    rewrite_last = forged(time="2020-01-01T00:00:00.000000Z")
    log = (populated / "log").read_bytes()
    (populated / "log").write_bytes(log[: log.rindex(b"not json") - 8] + encode(rewrite_last))
    assert "earlier" in check(populated).first_bad["reason"]


@pytest.mark.parametrize("reference", [{"$blob": "0" * 64}, {"$blob": "bad"}])
def test_an_unsigned_entry_whose_blob_is_gone_is_never_signed(populated, key, reference):
    records = frames(populated)
    raw = forged(time="2026-01-02T04:00:00.000000Z", data=None).replace(
        b'"data":null', b'"data":{"$blob":"%s"}' % reference["$blob"].encode()
    )
    (populated / "log").write_bytes((populated / "log").read_bytes() + encode(raw))
    before = (populated / "log").read_bytes()
    assert check(populated).first_bad["index"] == 8
    with pytest.raises(LedgerBroken, match=f"truncate -s {records[-1][1]} log"):
        Ledger.open(populated, key)
    assert (populated / "log").read_bytes() == before
    os.truncate(populated / "log", records[-1][1])  # the advice works
    Ledger.open(populated, key).close()
    assert check(populated).ok


def test_the_first_entry_must_name_the_key(populated, key):
    signer = Signer("selfproof.local/demo", bytes.fromhex(key.read_text()))
    raw = forged(vkey=signer.verifier.vkey)
    (populated / "log").write_bytes(encode(raw))
    checkpoint = Checkpoint(signer.name, 1, b"0" * 32)
    (populated / "checkpoint").write_bytes(sign_note(checkpoint.text, signer))
    assert check(populated).first_bad["index"] == 0
    (populated / "log").write_bytes(b"")
    assert check(populated).first_bad == {**check(populated).first_bad, "index": 0}


def test_another_logs_checkpoint_is_refused(populated, tmp_path):
    other = tmp_path / "other"
    Ledger.create(other, tmp_path / "other-key", program_id="demo", genesis={}).close()
    shutil.copy(other / "checkpoint", populated / "checkpoint")
    assert check(populated).first_bad["kind"] == "checkpoint"
    shutil.copy(other / "vkey", populated / "vkey")
    assert check(populated).first_bad["kind"] == "vkey"


def test_a_signed_empty_log_is_refused(populated, key):
    signer = Signer("selfproof.local/demo", bytes.fromhex(key.read_text()))
    (populated / "checkpoint").write_bytes(sign_note(Checkpoint(signer.name, 0, b"0" * 32).text, signer))
    assert check(populated).first_bad["kind"] == "checkpoint"


# Torn tails


def test_a_torn_unsigned_tail_is_dropped_at_every_offset(populated, key):
    log = populated / "log"
    data, (start, end, _) = log.read_bytes(), frames(populated)[-1]
    for cut in range(start, end):
        log.write_bytes(data[:cut])
        result = check(populated)
        assert result.ok and (result.entries, result.unsigned_tail) == (7, 1), cut
        assert read(populated).size == 7
    for cut in range(start, end, 17):
        log.write_bytes(data[:cut])
        ledger = Ledger.open(populated, key)
        assert ledger.size == 7 and log.read_bytes() == data[:start]
        ledger._ended = "dropped"  # leave the checkpoint as it is
        ledger.close()


def test_a_torn_signed_entry_is_refused_at_every_offset(populated, key):
    log = populated / "log"
    data, (start, end, _) = log.read_bytes(), frames(populated)[SIGNED - 1]
    for cut in range(start, end):
        log.write_bytes(data[:cut])
        assert check(populated).first_bad["index"] == SIGNED - 1, cut
    for cut in range(start, end, 17):
        log.write_bytes(data[:cut])
        with pytest.raises(LedgerBroken) as caught:
            Ledger.open(populated, key)
        assert caught.value.index == SIGNED - 1 and log.read_bytes() == data[:cut]


@pytest.mark.parametrize("index", [SIGNED - 1, 6, 7])
@pytest.mark.parametrize("delta", [1, 100, 5_000, 60_000, 2**31])
def test_a_longer_length_is_not_taken_for_a_torn_tail(populated, key, index, delta):
    log = populated / "log"
    data, start = bytearray(log.read_bytes()), frames(populated)[index][0]
    (length,) = struct.unpack_from("<I", data, start)
    struct.pack_into("<I", data, start, length + delta)
    log.write_bytes(data)
    assert check(populated).first_bad["index"] == index
    with pytest.raises(LedgerBroken) as caught:
        Ledger.open(populated, key)
    assert caught.value.index == index and log.read_bytes() == data


def test_zeros_that_were_never_written_are_a_torn_tail(populated, key):
    log = populated / "log"
    data = log.read_bytes()
    log.write_bytes(data + bytes(5000))
    assert check(populated).ok
    with Ledger.open(populated, key) as ledger:
        assert ledger.size == 8
    assert log.read_bytes() == data
    log.write_bytes(data + bytes(5000) + b"x")
    assert not check(populated).ok


def test_more_than_one_incomplete_record_is_refused(populated, key):
    junk = struct.pack("<II", 20, zlib.crc32(b"?")) + b"x" * 20 + struct.pack("<II", 9, 9) + b"half"
    with (populated / "log").open("ab") as log:
        log.write(junk)
    assert check(populated).first_bad["index"] == 8
    with pytest.raises(LedgerBroken, match="truncate"):
        Ledger.open(populated, key)


def test_scratch_files_of_a_dead_writer_are_cleared(populated, key):
    for name in ("blob.tmp", "checkpoint.tmp"):
        (populated / name).write_bytes(b"half")
    assert check(populated).ok
    Ledger.open(populated, key).close()
    assert {path.name for path in populated.iterdir()} == {"log", "checkpoint", "vkey", "blobs"}
