"""Letting go of candidates' texts: what stays, what never goes, and what both verifiers say of it."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof import birth, life, submitting
from selfproof.archive.state import fold
from selfproof.audit import audit, bundle
from selfproof.audit.rebuilding import rebuild
from selfproof.audit.sharing import Shared
from selfproof.keeping import backup
from selfproof.keeping.restoring import restore
from selfproof.ledger import Ledger, read
from selfproof.ledger.clock import utc_now
from selfproof.places import Paths
from selfproof.retention.taking import BEST, take
from selfproof.web.models.forest import forest_of
from selfproof.web.reading import Reading

VERIFIER = Path(__file__).resolve().parents[2] / "verifiers" / "verify.mjs"
LONG = "# a text that is worth letting go\n" * 20
DAYS, BATCHES, EACH = 7, 12, 24
Clock = Callable[[], datetime.datetime]


def later(days: float) -> Clock:
    return lambda: utc_now() + datetime.timedelta(days=days)


def born(folder: Path, days: int = DAYS) -> Paths:
    """A program with some batches of candidates, all of them made now."""
    made(folder)
    with (folder / "charter.toml").open("a") as charter:
        charter.write(f"\n[ledger]\nkeep_days = {days}\n" if days else "")
    birth.begin(folder, seed=1)
    paths = Paths(folder)
    with Ledger.open(paths.ledger, paths.key) as ledger:
        for batch in range(BATCHES):
            names = [f"{batch * EACH + n:064x}" for n in range(EACH)]
            rows = [{"id": name, "parent": "", "title": f"t{name[-3:]}", "operator": "edit", "proposer": "improver",
                     "improver": 0, "version": 0, "files": {"suite.py": f"{LONG}x = {int(name, 16)}\n"},
                     "form": name[-16:]} for name in names]  # fmt: skip
            results = [{"id": name, "outcome": "raced", "score": int(name, 16) / 7, "scores": [1.0]} for name in names]
            stored = {"$blob": ledger.put_blob(json.dumps(rows).encode())}
            ledger.append("propose", {"objective": "suite", "batch": batch, "n": EACH, "candidates": stored})
            body = {"objective": "suite", "batch": batch, "panel": 0, "trials": EACH, "results": results}
            ledger.append("race", body, durable=True)
    return paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return born(tmp_path / "program")


def let_go(paths: Paths, clock: Clock) -> int:
    with Ledger.open(paths.ledger, paths.key, clock=clock) as ledger:
        return take(ledger, fold(ledger.leaves()), paths, clock)


def batches(paths: Paths) -> list[str]:
    return [leaf.body["candidates"]["$blob"] for leaf in read(paths.ledger).leaves() if leaf.kind == "propose"]


def place(paths: Paths, digest: str) -> Path:
    return paths.ledger / "blobs" / "sha256" / digest[:2] / digest


def second(folder: Path) -> dict[str, Any]:
    done = subprocess.run(["node", str(VERIFIER), str(folder)], capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout))


def rows_of(paths: Paths) -> tuple[dict[str, int], set[str], list[dict[str, Any]]]:
    """What an archive that was filled anew says."""
    for path in paths.private.glob("archive.db*"):
        path.unlink()
    with life.opened(paths.folder) as living:
        archive = living.archive
        return archive.counts(), archive.forms("suite"), archive.best("suite", 60, highest=False)


def test_old_texts_go_and_everything_verifies_as_before(paths: Paths, tmp_path: Path) -> None:
    before, size = rows_of(paths), sum(place(paths, digest).stat().st_size for digest in batches(paths))
    texts = {row["id"]: row["files"] for row in before[2]}
    assert let_go(paths, later(DAYS - 1)) == 0 and audit(paths.ledger)["let_go"] == 0
    assert let_go(paths, later(DAYS + 1)) == BATCHES
    assert not any(place(paths, digest).exists() for digest in batches(paths))
    for said in (audit(paths.ledger), second(paths.ledger)):
        assert said["ok"] and said["let_go"] == BATCHES, said
    after = rows_of(paths)
    assert after[:2] == before[:2], "what was tried before is known as before"
    assert {row["id"]: row["files"] for row in after[2]} == texts, "the search's best keep their texts"
    left = sum(path.stat().st_size for path in (paths.ledger / "blobs").rglob("*") if path.is_file())
    assert BEST * 2 < BATCHES * EACH and left < size
    reading = Reading(paths.folder)
    with reading.turn():
        assert len(forest_of(read(paths.ledger).leaves(), reading.blob).nodes) == BATCHES * EACH
    backup.write(paths.folder, tmp_path / "b", with_key=False)
    assert restore(tmp_path / "b", tmp_path / "again", by="ann")["candidates"] == BATCHES * EACH
    assert sum(rebuild(paths.ledger, tmp_path / "rebuilt")["archive"].values()) == BATCHES * EACH
    bundle.write(Shared(paths.ledger), tmp_path / "bundle")
    with bundle.unpacked(tmp_path / "bundle") as folder:
        assert audit(folder)["ok"] and second(tmp_path / "bundle")["ok"]


def test_what_something_rests_on_stays(paths: Paths) -> None:
    needed = batches(paths)[3]
    with Ledger.open(paths.ledger, paths.key) as ledger:
        ledger.append("texts", {"of": [{"$blob": needed}]}, durable=True)
    assert let_go(paths, later(DAYS + 1)) == BATCHES - 1
    assert place(paths, needed).exists() and audit(paths.ledger)["ok"] and second(paths.ledger)["ok"]


def test_a_blob_that_no_entry_lets_go_is_missing(paths: Paths) -> None:
    with Ledger.open(paths.ledger, paths.key) as ledger:
        ledger.append("texts", {"of": [{"$blob": ledger.put_blob(b"needed")}]}, durable=True)
        digest = ledger.put_blob(b"needed")
    let_go(paths, later(DAYS + 1))
    place(paths, digest).unlink()
    for said in (audit(paths.ledger), second(paths.ledger)):
        assert not said["ok"] and "missing" in said["first_bad"]["reason"], said


def test_it_is_done_once_a_day_and_finishes_what_a_kill_cut_off(paths: Paths) -> None:
    one = batches(paths)[0]
    data = place(paths, one).read_bytes()
    assert let_go(paths, later(DAYS + 1)) == BATCHES
    place(paths, one).write_bytes(data)  # as if killed behind the entry
    assert audit(paths.ledger)["ok"] and second(paths.ledger)["ok"], "a text that is still there is no fault"
    assert let_go(paths, later(DAYS + 1.5)) == 0 and place(paths, one).exists()
    assert let_go(paths, later(DAYS + 3)) == 0 and not place(paths, one).exists()


def test_without_the_charters_word_nothing_goes(tmp_path: Path) -> None:
    paths = born(tmp_path / "program", days=0)
    assert let_go(paths, later(10_000)) == 0
    assert all(place(paths, digest).exists() for digest in batches(paths))


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ("too soon", "may not be let go"),
        ("needed", "may not be let go"),
        ("needed later", "rests on what was let go"),
        ("another's days", "the charter keeps"),
        ("rows left out", "not all of its rows"),
        ("no batch", "malformed"),
    ],
)
def test_letting_go_of_what_must_stay_is_seen(paths: Paths, forged: str, reason: str) -> None:
    one, days = batches(paths)[0], 8 if forged == "another's days" else DAYS
    with Ledger.open(paths.ledger, paths.key, clock=later(0 if forged == "too soon" else DAYS + 1)) as ledger:
        index = next(leaf.index for leaf in ledger.leaves() if leaf.kind == "propose")
        if forged == "needed":
            ledger.append("texts", {"of": [{"$blob": one}]})
        rows = [{"id": str(n)} for n in range(EACH - (forged == "rows left out"))]
        stays = {"$blob": ledger.put_blob(json.dumps({one: rows}).encode())}
        named = [{"entry": index, "blob": one if forged != "no batch" else "0" * 64}]
        ledger.append("retention", {"days": days, "batches": named, "rows": stays}, durable=True)
        if forged == "needed later":
            ledger.append("texts", {"of": [{"$blob": one}]}, durable=True)
    said = audit(paths.ledger)["first_bad"]
    assert said is not None and (reason in said["reason"] or forged == "no batch"), said
    if forged in {"needed", "needed later", "no batch"}:
        assert not second(paths.ledger)["ok"]


def test_an_entry_that_nobody_signed_lets_nothing_go(paths: Paths, tmp_path: Path) -> None:
    shutil.copytree(paths.ledger, tmp_path / "copy")
    let_go(paths, later(DAYS + 1))
    shutil.copy(tmp_path / "copy" / "checkpoint", paths.ledger / "checkpoint")  # the log is ahead of what was signed
    for said in (audit(paths.ledger), second(paths.ledger)):
        assert not said["ok"] and "missing" in said["first_bad"]["reason"], said


def test_what_people_wrote_goes_after_its_days(tmp_path: Path) -> None:
    folder = made(tmp_path / "program")
    with (folder / "charter.toml").open("a") as charter:
        charter.write("\n[ledger]\nkeep_notes_days = 30\n")
    birth.begin(folder, seed=1)
    paths = Paths(folder)
    submitting.submit(folder, "note", {"by": "ann", "words": "a patient's name"})
    assert let_go(paths, later(29)) == 0 and len(list((paths.ledger / "openings").iterdir())) == 2
    assert let_go(paths, later(31)) == 0 and not list((paths.ledger / "openings").iterdir())
    entries = read(paths.ledger).size
    assert let_go(paths, later(32)) == 0 and read(paths.ledger).size == entries, "once is enough"
    assert audit(paths.ledger)["ok"] and second(paths.ledger)["ok"]
