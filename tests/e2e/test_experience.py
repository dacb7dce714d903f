"""Experience through the command line: two programs, one store; a seed, a charter, a damaged file."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from selfproof import life as lives
from selfproof.archive.store import SqliteArchive
from selfproof.domains.quality import Quality
from selfproof.learn.recorder import recorder_of
from selfproof.ledger import read


def at(store: Path) -> dict[str, Any]:
    return {"env": {**os.environ, "SELFPROOF_EXPERIENCE": str(store)}}


@pytest.fixture(scope="module")
def store(cli: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two batches of a life with a seed left behind."""
    base = tmp_path_factory.mktemp("experience")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFPROOF_EXPERIENCE", str(base / "store.db"))
        cli.until("race", base / "one", "--seed", "3", count=2)
    return base / "store.db"


def test_a_life_leaves_its_edits_and_no_code(cli: Any, store: Path, tmp_path: Path) -> None:
    told = cli.run("experience", "--json", **at(store))
    assert told.code == 0, told.err
    assert told.json["programs"] == 1
    assert told.json["rows"] >= 40
    found = told.json["operators"]
    quality = {row["operator"] for row in found if row["kind"] == "quality"}
    assert quality <= {"constant", "replace", "wrap", "blend", "pool", "unwrap", "insert", "crossover"}
    assert len(quality) > 3
    for row in found:
        low, high = row["kept_interval"]
        assert 0 <= low <= row["kept_share"] == row["kept"] / row["tried"] <= high <= 1
    raced = SqliteArchive(store.parent / "one" / ".selfproof" / "archive.db", lambda digest: b"").forms("memory")
    assert sum(row["tried"] for row in found if row["kind"] == "quality") == len(raced)
    with sqlite3.connect(store) as db:
        sites = {row[0] for row in db.execute("SELECT site FROM edit")}
        gains = [row[0] for row in db.execute("SELECT gain FROM edit WHERE outcome='raced'")]
    assert {"BinOp", "Name"} <= sites
    assert any(gain > 0 for gain in gains if gain is not None)
    for word in (b"merge", b"np.", b"return", str(tmp_path.parent).encode()):
        assert word not in store.read_bytes()
    spoken = cli.run("experience", **at(store))
    assert f"{told.json['rows']} edits of 1 programs" in spoken.out
    assert "quality bits_per_char" in spoken.out


def view_of(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch, seed: int | None) -> dict[str, Any]:
    """What an improver would be shown first."""
    monkeypatch.setenv("SELFPROOF_EXPERIENCE", str(store))
    with lives.opened(folder, seed=seed) as life:
        life.experience = recorder_of("x", keep=life.charter.experience.keep, seed=seed)
        focus = Quality(life, life.charter.objective("memory")).observe()
        assert focus is not None
        return focus.views[0]


def test_another_program_is_told_unless_it_has_a_seed_or_its_charter_says_no(
    unborn: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from selfproof import birth

    folder = unborn("two")
    birth.make(folder, seed=5)
    told = view_of(folder, store, monkeypatch, None)["experience"]
    assert told["rows"] >= 40
    assert {"kept", "certified", "tried"} == set(told["operators"]["wrap"])
    assert view_of(folder, store, monkeypatch, 5)["experience"] == {}
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text().replace("keep = true", "keep = false"))
    assert view_of(folder, store, monkeypatch, None)["experience"] == {}


@pytest.mark.slow
def test_with_a_seed_a_run_is_the_same_whatever_is_known(
    cli: Any, unborn: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edits of two batches, told by their ids: with what another run left, and with nothing."""
    found = []
    for name, place in (("told", str(store)), ("not", "off")):
        monkeypatch.setenv("SELFPROOF_EXPERIENCE", place)
        folder = unborn(name)
        cli.until("race", folder, "--seed", "7", count=2)
        reader = read(folder / ".selfproof" / "ledger")
        bodies = [leaf.body for leaf in reader.leaves() if leaf.kind == "propose"][:2]
        rows = [body["candidates"] for body in bodies]
        found.append([json.loads(reader.get_blob(row["$blob"])) if isinstance(row, dict) else row for row in rows])
    told, untold = ([[one["id"] for one in batch] for batch in batches] for batches in found)
    assert len(told) == 2
    assert told == untold


@pytest.mark.slow
def test_a_damaged_store_costs_a_run_one_line(cli: Any, unborn: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database" * 1000)
    done = cli.run("run", "--minutes", 0.06, "--json", "--at", unborn(), **at(broken))
    assert done.code == 0, done.err
    (event,) = [e for e in done.events if e["event"] == "experience"]
    assert event["problem"].startswith("experience is not used")
    assert done.events[-1]["event"] == "summary"
    assert broken.read_bytes() == b"not a database" * 1000
    failed = cli.run("experience", **at(broken))
    assert failed.code == 1
    assert "--forget" in failed.err


def test_it_is_forgotten_only_when_that_is_meant(cli: Any, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    assert json.loads(cli.run("experience", "--json", **at(kept)).out)["rows"] == 0
    assert not kept.exists(), "asking makes no store"
    sqlite3.connect(kept).close()
    kept.touch()
    refused = cli.run("experience", "--forget", **at(kept))
    assert refused.code == 2
    assert kept.exists()
    assert cli.run("experience", "--forget", "--yes", "--json", **at(kept)).json == {
        "forgotten": True,
        "path": str(kept),
    }
    assert not kept.exists()
    assert cli.run("experience", "--forget", "--yes", **at(kept)).code == 0
    off = cli.run("experience")
    assert off.code == 2
    assert "switched off" in off.err
