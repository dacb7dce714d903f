"""One byte of any file of the ledger changed: ``verify`` fails and says where."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forging import Forger, digests

from selfproof.audit import audit
from selfproof.ledger import read


@pytest.fixture(scope="module")
def small(life: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The life's ledger up to its first adoption: everything in it, and quick to check."""
    forger = Forger(life.folder)
    forger.cut(forger.find("canary").index + 1)
    folder = forger.sign(tmp_path_factory.mktemp("small") / "ledger")
    assert audit(folder)["ok"]
    return folder


def flips(folder: Path, rng: random.Random, per_file: int, log: int) -> Iterator[tuple[Path, int, int]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        size = path.stat().st_size
        for _ in range(log if path.name == "log" else per_file):
            yield path, rng.randrange(size), 1 << rng.randrange(8)


def flip(path: Path, place: int, mask: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= mask
    path.write_bytes(data)


def all_found(folder: Path, seed: int, per_file: int, log: int) -> int:
    """Flip, audit, flip back; every flip must be found, and what is said must fit the file."""
    owner: dict[str, int] = {}
    for leaf in read(folder).leaves():
        for digest in digests(leaf.body):
            owner.setdefault(digest, leaf.index)
    tried = 0
    for path, place, mask in flips(folder, random.Random(seed), per_file, log):
        flip(path, place, mask)
        result = audit(folder)
        flip(path, place, mask)
        bad = result["first_bad"]
        assert not result["ok"] and bad["reason"], f"{path.name} byte {place} ^ {mask}"
        if path.name in owner:
            assert bad["index"] == owner[path.name] and path.name in bad["reason"], bad
        elif path.name in {"checkpoint", "vkey"}:
            assert bad["kind"] in {"checkpoint", "vkey"}, bad
        else:
            assert bad["index"] is not None or bad["kind"] == "log", bad
        tried += 1
    assert audit(folder)["ok"]
    return tried


def test_a_flipped_bit_anywhere_is_found(small: Path) -> None:
    assert all_found(small, seed=1, per_file=1, log=40) > 50


@pytest.mark.slow
def test_flipped_bits_in_every_file_of_a_whole_life(copied: Path) -> None:
    assert all_found(copied / ".selfproof" / "ledger", seed=2, per_file=2, log=200) > 150


def test_the_command_names_the_entry_and_exits_with_4(cli: Any, copied: Path) -> None:
    ledger = copied / ".selfproof" / "ledger"
    leaf = next(leaf for leaf in read(ledger).leaves() if leaf.kind == "results")
    digest = leaf.body["pairs"]["$blob"]
    flip(ledger / "blobs" / "sha256" / digest[:2] / digest, 200, 1)
    done = cli.run("verify", "--json", "--at", copied)
    assert done.code == 4 and done.json["ok"] is False
    assert (done.json["first_bad"]["index"], done.json["first_bad"]["kind"]) == (leaf.index, "results")
    words = cli.run("verify", "--at", copied)
    assert words.code == 4 and f"entry {leaf.index} (results)" in words.err and "Traceback" not in words.err


@pytest.mark.parametrize("what", ["log", "checkpoint", "vkey", "blobs"])
def test_a_missing_part_is_found(small: Path, tmp_path: Path, what: str) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "ledger"))
    if what == "blobs":
        shutil.rmtree(folder / what)
    else:
        (folder / what).unlink()
    result = audit(folder)
    assert result["ok"] is False and result["first_bad"]["reason"]


def test_a_stray_file_is_found(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "ledger"))
    (folder / "blobs" / "note.txt").write_text("x")
    assert audit(folder)["first_bad"]["kind"] == "stray"


def test_run_refuses_to_build_on_a_damaged_ledger(cli: Any, copied: Path) -> None:
    flip(copied / ".selfproof" / "ledger" / "log", 3000, 4)
    done = cli.run("run", "--minutes", "0.05", "--at", copied)
    assert done.code == 4 and "entry" in done.err and "Traceback" not in done.err, done.err
