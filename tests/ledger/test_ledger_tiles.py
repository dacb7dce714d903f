"""The log as static files, and proofs from all hashes in memory, against the slow definition of RFC 6962."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.ledger import tiles
from selfproof.ledger.hashes import Hashes
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.proofs import consistency_proof, inclusion_proof, root_of

LEAVES = [leaf_hash(str(i).encode()) for i in range(600)]
KNOWN = Hashes(LEAVES)


@given(st.integers(1, 600), st.data())
def test_proofs_are_those_of_the_definition(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    assert KNOWN.root(size) == root_of(LEAVES[:size])
    assert KNOWN.inclusion(index, size) == inclusion_proof(LEAVES[:size], index)
    assert KNOWN.consistency(index, size) == consistency_proof(LEAVES[:size], index)
    assert KNOWN.consistency(size, size) == []


def test_nothing_is_proved_of_what_is_not_there() -> None:
    assert Hashes().root() == sha256(b"").digest() and KNOWN.size == 600
    for call in (lambda: KNOWN.root(601), lambda: KNOWN.inclusion(5, 5), lambda: KNOWN.inclusion(0, 601)):
        with pytest.raises(IndexError):
            call()
    with pytest.raises(IndexError):
        KNOWN.consistency(7, 6)


def test_paths_are_those_of_the_specification() -> None:
    assert tiles.path_of(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.path_of("entries", 5, 44) == "tile/entries/005.p/44"
    assert tiles.path_of(63, 1000, 1) == "tile/63/x001/000.p/1"


def test_widths_are_those_of_the_specification() -> None:
    """Its example: 70,000 entries are 273 full tiles and one of 112, a full one and one of 17, and one of 1."""
    found = [list(tiles.widths(70_000, level)) for level in range(4)]
    assert found[0] == [*((n, 256) for n in range(273)), (273, 112)]
    assert found[1:] == [[(0, 256), (1, 17)], [(0, 1)], []]
    assert [list(tiles.widths(256, level)) for level in range(2)] == [[(0, 256)], [(0, 1)]]


def entries(n: int) -> list[bytes]:
    return [str(i).encode() * (i % 7 + 1) for i in range(n)]


def test_tiles_hold_the_hashes_and_the_entries_of_every_level() -> None:
    n = 2 * 65536 + 256 * 3 + 5
    found = dict(tiles.tiles(str(i).encode() for i in range(n)))
    assert len(found) == sum(len(list(tiles.widths(n, level))) for level in (0, 0, 1, 2)), "hashes, entries, two above"
    level = [leaf_hash(str(i).encode()) for i in range(n)]
    for height in range(3):
        joined = b"".join(found[tiles.path_of(height, number, width)] for number, width in tiles.widths(n, height))
        assert joined == b"".join(level[: len(joined) // 32])
        whole = len(level) // 256
        level = [root_of(level[i * 256 : (i + 1) * 256]) for i in range(whole)]


def test_an_export_grows_and_reads_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for size, files in ((0, 1), (3, 3), (256, 4), (256, 1), (600, 6)):
        assert tiles.export(entries(size), b"note %d\n" % size, out) == files, size
        assert list(tiles.leaves_of(out, size)) == entries(size)
        assert (out / "checkpoint").read_bytes() == b"note %d\n" % size
    assert not list(out.rglob("*.new")) and not list(out.rglob(".*new"))


def test_what_was_changed_or_is_gone_is_noticed(tmp_path: Path) -> None:
    tiles.export(entries(300), b"note\n", tmp_path)
    bundle = tmp_path / "tile" / "entries" / "000"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="cut short"):
        list(tiles.leaves_of(tmp_path, 300))
    with pytest.raises(ValueError, match="something else than this log says"):
        tiles.export(entries(300), b"note\n", tmp_path)
    bundle.write_bytes(whole[: -2 - len(entries(256)[255])])
    with pytest.raises(ValueError, match="255 entries, 256 are needed"):
        list(tiles.leaves_of(tmp_path, 300))
    bundle.unlink()
    with pytest.raises(ValueError, match="is missing"):
        list(tiles.leaves_of(tmp_path, 300))
