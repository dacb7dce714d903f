"""Power cuts: what was not synced is there, half there, zeros, or gone; what was acknowledged is always there."""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selfproof.ledger import Ledger, LedgerBroken
from selfproof.ledger.statement import blobs_of

Content = dict[int, bytes]
LOST = -1


class Disk:
    """What would be on the disk: bytes of files and names in folders as they were when they were last synced.

    A file is known by a number of its own, since a file system gives those of deleted files to new ones.
    """

    def __init__(self, folder: Path, key: Path) -> None:
        self.folder, self.key = folder, key
        self.content: Content = {}
        self.names: dict[int, dict[str, int]] = {}
        self._numbers: dict[int, int] = {}
        self.at_sync: Callable[[], None] = lambda: None

    def number(self, path: Path, *, new: bool = False) -> int:
        inode = path.stat().st_ino
        if new or inode not in self._numbers:
            self._numbers[inode] = len(self.content)
            self.content[len(self.content)] = b""
        return self._numbers[inode]

    def opened(self, path: Any, flags: int, mode: int = 0o777, **rest: Any) -> int:
        there = not isinstance(path, int) and Path(path).exists()
        found = REAL_OPEN(path, flags, mode, **rest)
        if flags & os.O_CREAT and not there:
            self.number(Path(path), new=True)
        return found

    def synced(self, descriptor: int) -> None:
        self.at_sync()
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self.names[path.stat().st_ino] = {one.name: self.number(one) for one in path.iterdir() if one.is_file()} | {
                one.name: LOST for one in path.iterdir() if one.is_dir()
            }
        else:
            self.content[self.number(path)] = path.read_bytes()
        REAL_SYNC(descriptor)

    def image(self, to: Path, rng: random.Random) -> None:
        """The folder as a power cut at this moment might leave it, with the key and what the signer has on disk."""
        self._folder(self.folder, to, rng)
        for path in (self.key, self.key.with_name("key.signed")):
            shutil.copy(path, to.with_name(f"{to.name}.{path.name}"))

    def _folder(self, one: Path, to: Path, rng: random.Random) -> None:
        to.mkdir(parents=True)
        synced = self.names.get(one.stat().st_ino, {})
        now = {path.name: path for path in one.iterdir()}
        for name in sorted({*synced, *now}):
            path = now.get(name)
            if path is not None and path.is_dir():
                if name in synced or rng.random() < 0.5:
                    self._folder(path, to / name, rng)
                continue
            before = synced.get(name)
            if path is not None and (before == self.number(path) or rng.random() < 0.5):
                (to / name).write_bytes(self._bytes(self.content[self.number(path)], path.read_bytes(), rng))
            elif before is not None:
                (to / name).write_bytes(self.content[before])

    def _bytes(self, synced: bytes, now: bytes, rng: random.Random) -> bytes:
        """Bytes that were written since: none, all, the first of them, or as many zeros."""
        if len(now) < len(synced) or now[: len(synced)] != synced:
            return rng.choice((synced, now))
        more = now[len(synced) :]
        return synced + rng.choice((b"", more, more[: rng.randrange(len(more) + 1)], bytes(len(more))))


REAL_OPEN, REAL_SYNC = os.open, os.fsync


@pytest.fixture
def disk(folder: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(folder, key)
    monkeypatch.setattr(os, "open", made.opened)
    monkeypatch.setattr(os, "fsync", made.synced)
    yield made
    monkeypatch.undo()


def lived(disk: Disk, tmp_path: Path, rng: random.Random, cuts: int) -> list[str]:
    """Write to a ledger, cut the power many times before a sync, and open what is left; what became of each."""
    known: list[bytes] = []  # raw leaves, in order
    safe, found, n = 0, list[str](), 0

    def cut() -> None:
        nonlocal n
        if len(found) < cuts and rng.random() < 0.3:
            n, disk.at_sync = n + 1, lambda: None
            disk.image(tmp_path / f"cut{n}", rng)
            found.append(judged(tmp_path / f"cut{n}", tmp_path / f"cut{n}.key", known, safe))
            disk.at_sync = cut

    with Ledger.create(disk.folder, disk.key, program_id="power", genesis={}) as ledger:
        known += [leaf.raw for leaf in ledger.leaves()]
        safe = len(known)
        disk.at_sync = cut
        while len(found) < cuts:
            body: dict[str, Any] = {"n": len(known)}
            if rng.random() < 0.4:
                body["text"] = {"$blob": ledger.put_blob(rng.randbytes(rng.choice((0, 10, 5000))))}
            durable = rng.random() < 0.4
            known.append(b"")  # on its way
            known[-1] = ledger.append("results", body, durable=durable).raw
            if durable:
                safe = len(known)
            cut()
        disk.at_sync = lambda: None
    return found


def whole(ledger: Ledger) -> list[bytes]:
    """All entries, their blobs read."""
    for leaf in ledger.leaves():
        for digest in blobs_of(leaf.body):
            ledger.get_blob(digest)
    return [leaf.raw for leaf in ledger.leaves()]


def judged(left: Path, key: Path, known: list[bytes], safe: int) -> str:
    """Nothing that was acknowledged is missing or another; it goes on, or says where it cannot and what to do."""
    try:
        with Ledger.open(left, key) as ledger:
            entries = whole(ledger)
            ledger.append("results", {"after": "the cut"}, durable=True)
        said = "opened"
    except LedgerBroken as broken:
        assert "truncate -s " in str(broken) and broken.index is not None and broken.index >= safe, broken
        size = int(str(broken).partition("truncate -s ")[2].split()[0])
        os.truncate(left / "log", size)
        with Ledger.open(left, key) as ledger:
            entries = whole(ledger)
        said = "refused"
    assert len(entries) >= safe, f"{safe - len(entries)} acknowledged entries are gone"
    assert all(one == two for one, two in zip(entries, known, strict=False) if two), "another history"
    return said


def test_a_power_cut_takes_nothing_that_was_acknowledged(disk: Disk, tmp_path: Path) -> None:
    found = lived(disk, tmp_path, random.Random(1), 60)
    assert found.count("opened") > 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_power_cuts_of_all_kinds(disk: Disk, tmp_path: Path, seed: int) -> None:
    found = lived(disk, tmp_path, random.Random(seed), 300)
    assert found.count("opened") > 150
