"""The archive is a cache: emptied, damaged or deleted, it comes back from the ledger's leaves alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfproof.archive.store import SqliteArchive as Archive
from selfproof.ledger import Leaf

Blobs = dict[str, bytes]


def leaf(index: int, kind: str, **body: Any) -> Leaf:
    return Leaf(index, kind, body, b"", "2026-01-01T00:00:00.000000Z")


def put(blobs: Blobs, value: Any) -> dict[str, str]:
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    return {"$blob": digest}


def leaves(blobs: Blobs) -> list[Leaf]:
    found = [leaf(0, "genesis")]
    for batch in range(3):
        rows = [
            {"id": f"{batch}{i}", "parent": "start", "title": f"edit {i}", "operator": "constant",
             "proposer": "improver", "version": batch, "files": {"memory.py": f"x = {batch}{i}"},
             "form": f"form{batch}{i}"}
            for i in range(4)
        ]  # fmt: skip
        results = [
            {"id": r["id"], "outcome": "raced" if i < 2 else "worse", "score": 4.0 - batch - i / 10, "scores": [1.0]}
            for i, r in enumerate(rows)
        ]
        index = len(found)
        found.append(leaf(index, "propose", objective="memory", batch=batch, n=4, candidates=put(blobs, rows)))
        found.append(leaf(index + 1, "race", objective="memory", batch=batch, trials=9, results=put(blobs, results)))
    return found


@pytest.fixture
def blobs() -> Blobs:
    return {}


@pytest.fixture
def filled(tmp_path: Path, blobs: Blobs) -> Iterator[Archive]:
    archive = Archive(tmp_path / "archive.db", blobs.__getitem__)
    for one in leaves(blobs):
        archive.apply(one)
    yield archive
    archive.close()


def everything(archive: Archive) -> tuple[Any, ...]:
    return (
        archive.caught_up, archive.forms("memory"), archive.best("memory", 99, highest=False),
        archive.history("memory", 99), archive.counts(),
    )  # fmt: skip


def test_it_remembers_what_was_tried(filled: Archive) -> None:
    assert filled.caught_up == 7
    assert filled.counts() == {"memory": 12}
    assert len(filled.forms("memory")) == 12 and filled.forms("other") == set()
    best = filled.best("memory", 2, highest=False)
    assert [row["id"] for row in best] == ["21", "20"] and best[0]["files"] == {"memory.py": "x = 21"}
    assert [row["id"] for row in filled.best("memory", 2, highest=True)] == ["00", "01"]
    newest = filled.history("memory", 3)
    assert [row["title"] for row in newest] == ["edit 1", "edit 2", "edit 3"]
    assert newest[-1] == {"title": "edit 3", "operator": "constant", "outcome": "worse", "score": 1.7, "id": "23"}


def test_taking_a_leaf_in_twice_changes_nothing(filled: Archive, blobs: Blobs) -> None:
    before = everything(filled)
    for one in leaves(blobs)[-2:]:
        filled.apply(one)
    assert everything(filled) == before


def test_a_new_one_filled_from_the_same_leaves_is_equal(filled: Archive, blobs: Blobs, tmp_path: Path) -> None:
    again = Archive(tmp_path / "again.db", blobs.__getitem__)
    for one in leaves(blobs):
        again.apply(one)
    assert everything(again) == everything(filled)
    again.close()


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_cache_is_thrown_away(tmp_path: Path, blobs: Blobs, damage: bytes) -> None:
    path = tmp_path / "archive.db"
    path.write_bytes(damage)
    archive = Archive(path, blobs.__getitem__)
    assert archive.caught_up == 0 and archive.counts() == {}
    archive.close()


def test_a_cache_that_is_closed_and_opened_goes_on(tmp_path: Path, blobs: Blobs) -> None:
    path, all_leaves = tmp_path / "archive.db", leaves(blobs)
    for start, stop in ((0, 3), (3, 7)):
        archive = Archive(path, blobs.__getitem__)
        assert archive.caught_up == start
        for one in all_leaves[start:stop]:
            archive.apply(one)
        archive.close()
    archive = Archive(path, blobs.__getitem__)
    assert archive.counts() == {"memory": 12}
    archive.close()
