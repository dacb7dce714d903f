"""Rollback, and the archive that nobody needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from selfproof.archive.state import State, fold
from selfproof.archive.tree import tree_hash
from selfproof.ledger import read


def state_of(folder: Path) -> State:
    return fold(read(folder / ".selfproof" / "ledger").leaves())


def program_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder / "program").as_posix(): p.read_text() for p in (folder / "program").rglob("*.py")}


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder / "program", *words], check=True, capture_output=True, text=True).stdout


def test_rollback_brings_the_exact_earlier_tree_back(cli: Any, copied: Path) -> None:
    before = state_of(copied)
    assert before.current >= 2
    done = cli.run("rollback", "v2", "--reason", "a test", "--json", "--at", copied)
    assert done.code == 0 and (done.json["undone"], done.json["version"]) == (2, 1)
    after = state_of(copied)
    assert after.current == 1 and done.json["tree"] == after.now.tree == before.versions[1].tree
    assert tree_hash(program_of(copied)) == before.versions[1].tree
    assert git(copied, "status", "--porcelain") == ""
    first = git(copied, "log", "--format=%H", "--reverse").split()[1]
    assert git(copied, "diff", first, "HEAD") == ""
    assert after.counters == before.counters, "k does not come back"
    assert {v.number for v in after.versions if v.rolled_back} == set(range(2, before.current + 1))
    assert {after.versions[n].candidate for n in range(2, before.current + 1)} <= after.barred
    assert cli.run("verify", "--at", copied).code == 0
    verdicts = [row["verdict"] for row in cli.run("log", "--json", "--at", copied).json if row["version"]]
    assert verdicts == ["rolled back"] * (before.current - 1) + ["certified"]


@pytest.mark.slow
def test_what_was_rolled_back_cannot_be_rolled_back_again_and_is_never_tried_again(cli: Any, copied: Path) -> None:
    assert cli.run("rollback", "v1", "--at", copied).code == 0
    barred = state_of(copied).barred
    again = cli.run("rollback", "v1", "--at", copied)
    assert again.code == 2 and "already" in again.err
    used = state_of(copied).counters["memory"]
    cli.until("status", copied, "--seed", "1", count=2)
    after = state_of(copied)
    later = [c for c in after.confirmations.values() if c.counter == "memory" and c.body["k"] > used]
    assert not barred & {c.body["candidate"] for c in later}
    assert [c.body["k"] for c in later] == list(range(used + 1, used + 1 + len(later)))
    assert cli.run("verify", "--at", copied).code == 0


@pytest.mark.slow
def test_the_archive_is_never_needed(cli: Any, life: Any, tmp_path: Path) -> None:
    """Two copies go on, one without its archive: both remember the same and decide alike."""
    folders = [Path(shutil.copytree(life.folder, tmp_path / name)) for name in ("whole", "bare")]
    for file in (folders[1] / ".selfproof").glob("archive.db*"):
        file.unlink()
    logs = [cli.run("log", "--json", "--at", folder).json for folder in folders]
    assert logs[0] == logs[1]
    for folder in folders:
        cli.until("status", folder, "--seed", "1")
    seen = [
        [(leaf.kind, leaf.body["n"], leaf.body["candidates"]) for leaf in read(f / ".selfproof" / "ledger").leaves()
         if leaf.kind == "propose" and leaf.body["objective"] == "memory"]
        for f in folders
    ]  # fmt: skip
    common = min(map(len, seen))
    known = sum(e["event"] == "race" for e in life.events)
    assert common > known and seen[0][:common] == seen[1][:common]
    assert all(cli.run("verify", "--at", folder).code == 0 for folder in folders)


def test_version_0_remains_and_compare_still_finds_it(cli: Any, copied: Path) -> None:
    assert cli.run("rollback", "v1", "--at", copied).code == 0
    row = cli.run("compare", "start", "now", "--on", "explore", "--json", "--at", copied).json
    assert row["difference"] == 0 and row["better"] == "neither"
