"""Texts that may leave a log: the entry, its proof and every verifier stay as they are."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from selfproof import birth, life, submitting
from selfproof.audit import audit
from selfproof.audit.bundle import unpacked, write
from selfproof.audit.sharing import Shared
from selfproof.ledger.openings import GONE, Openings
from selfproof.nouns import UsageError
from selfproof.places import Paths

VERIFIER = Path(__file__).resolve().parents[2] / "verifiers" / "verify.mjs"
SECRET = "the patient of the fourth of May"


@pytest.fixture
def noted(tmp_path: Path) -> tuple[Path, int]:
    folder = tmp_path / "life"
    birth.make(folder, seed=1)
    return folder, submitting.submit(folder, "note", {"by": "ann", "words": SECRET})


def second(folder: Path) -> bool:
    if shutil.which("node") is None:
        pytest.skip("the second verifier needs node: apt install nodejs")
    done = subprocess.run(["node", str(VERIFIER), str(folder)], capture_output=True, text=True, check=False)
    return bool(json.loads(done.stdout)["ok"])


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def words(folder: Path) -> list[tuple[str, str]]:
    with life.viewed(folder) as seen:
        return [(by, text) for _, by, text in seen.state.overseen.notes]


def test_a_text_is_taken_out_and_everything_else_holds(noted: tuple[Path, int]) -> None:
    folder, number = noted
    ledger = Paths(folder).ledger
    assert words(folder) == [("ann", SECRET)] and SECRET.encode() not in (ledger / "log").read_bytes()
    before = Shared(ledger)
    proof = before.proof(number).text
    done = submitting.redact(folder, f"{number}.words", "names a patient", "bob")
    assert words(folder) == [("ann", GONE)] and SECRET.encode() not in everything(folder)
    assert audit(ledger)["ok"] and second(ledger)
    after = Shared(ledger)
    after.extends(before.signed, "what was signed before")
    assert after.proof(number).text.partition(b"\n\n")[0].splitlines()[1] == proof.splitlines()[1]
    assert done["entry"] == number + 1
    with pytest.raises(UsageError, match="taken out before"):
        submitting.redact(folder, f"{number}.words", "again", "bob")
    for place in ("0.alpha", f"{number}.time", "x", f"{number}"):
        with pytest.raises(UsageError, match="no text is called"):
            submitting.redact(folder, place, "why", "bob")


def test_a_text_that_went_without_an_entry_is_missed(noted: tuple[Path, int]) -> None:
    folder, number = noted
    ledger = Paths(folder).ledger
    with life.viewed(folder) as seen:
        digest = seen.state.overseen.committed[number, "words"]
    Openings(ledger).forget(digest)
    found = audit(ledger)
    assert not found["ok"] and found["first_bad"]["index"] == number and not second(ledger)


@pytest.mark.parametrize("damage", ["text", "salt", "stray", "not json"])
def test_an_opening_says_what_was_committed_to(noted: tuple[Path, int], damage: str) -> None:
    folder, number = noted
    ledger = Paths(folder).ledger
    with life.viewed(folder) as seen:
        place = ledger / "openings" / seen.state.overseen.committed[number, "words"]
    data = place.read_bytes()
    if damage == "stray":
        (place.parent / ("0" * 64)).write_bytes(data)
    else:
        changed = {"text": data.replace(b"May", b"Mai"), "salt": bytes([data[0] ^ 1]) + data[1:], "not json": b"x"}
        place.write_bytes(changed[damage])
    assert not audit(ledger)["ok"] and not second(ledger)


def test_a_kill_after_the_entry_is_made_up_for(noted: tuple[Path, int]) -> None:
    folder, number = noted
    with life.opened(folder) as living:
        digest = living.state.overseen.committed[number, "words"]
        body = {"entry": number, "field": "words", "commit": digest, "reason": "r", "by": "b"}
        submitting.record(living, "redact", body)
    assert SECRET.encode() in everything(folder), "the deletion was cut off"
    with life.opened(folder):
        pass
    assert SECRET.encode() not in everything(folder) and audit(Paths(folder).ledger)["ok"]


def test_what_was_never_committed_to_cannot_be_redacted(noted: tuple[Path, int]) -> None:
    folder, number = noted
    with life.opened(folder) as living:
        for entry, commit in ((number, "0" * 64), (0, living.state.overseen.committed[number, "words"])):
            body = {"entry": entry, "field": "words", "commit": commit, "reason": "r", "by": "b"}
            with pytest.raises(UsageError, match="no such text"):
                submitting.record(living, "redact", body)


def test_a_bundle_has_the_texts_that_are_left(noted: tuple[Path, int], tmp_path: Path) -> None:
    folder, number = noted
    submitting.redact(folder, f"{number}.by", "a name", "bob")
    write(Shared(Paths(folder).ledger), tmp_path / "bundle")
    with unpacked(tmp_path / "bundle") as ledger:
        assert audit(ledger)["ok"]
    assert SECRET.encode() in everything(tmp_path / "bundle") and second(tmp_path / "bundle")


def test_equal_texts_have_nothing_in_common(noted: tuple[Path, int]) -> None:
    """Else who guesses a text could see that it is there."""
    folder, number = noted
    other = submitting.submit(folder, "note", {"by": "ann", "words": SECRET})
    with life.viewed(folder) as seen:
        committed = seen.state.overseen.committed
    assert committed[number, "words"] != committed[other, "words"]
