"""Every attempt is in the ledger: what was turned away is counted by rule, and the same edit is known again."""

from __future__ import annotations

from pathlib import Path

from harness import arena

from selfproof.archive.overseen import Overseen, apply
from selfproof.audit import audit
from selfproof.domains.attempts import MOST_TOLD


def test_a_batch_of_refused_edits_is_one_entry_that_counts_them(tmp_path: Path) -> None:
    with arena(tmp_path / "life") as here:
        bad = [here.edit(f"import os\nx = {n}\n") for n in range(MOST_TOLD + 9)]
        assert here.send(*bad, here.edit("def square(x):\n    return eval('x')\n")) == []
        assert here.turned_away() == {"import": MOST_TOLD + 9, "call": 1}
        (entry,) = here.entries("screened")
        assert entry["n"] == MOST_TOLD + 10 and len(set(entry["edits"])) == MOST_TOLD
        assert [(name, rules) for _, name, rules in here.life.state.overseen.screened] == [("suite", entry["rules"])]
        assert here.send(here.edit("def square(x):\n    return x * x\n")) and len(here.entries("screened")) == 1
    assert audit(tmp_path / "life" / ".selfproof" / "ledger")["ok"]


def test_the_same_refused_edit_sent_in_a_thousand_times_is_known_again(tmp_path: Path) -> None:
    with arena(tmp_path / "life") as here:
        for n in range(3):
            here.send(*[here.edit(f"import os  # {n}\n")] * 1000)
        assert here.turned_away() == {"import": 3000}
        assert len({name for body in here.entries("screened") for name in body["edits"]}) == 1
        assert len(here.life.state.overseen.screened) == 3


def test_an_entry_that_does_not_add_up_is_found(tmp_path: Path) -> None:
    with arena(tmp_path / "life") as here:
        here.life.log("screened", {"objective": "suite", "batch": 0, "n": 2, "rules": {"import": 1}, "edits": []})
    found = audit(tmp_path / "life" / ".selfproof" / "ledger")
    assert not found["ok"] and "do not add up" in found["first_bad"]["reason"]


def test_ledgers_before_that_fold_as_they_did() -> None:
    class Leaf:
        index, kind, time, body = 3, "screened", "now", {"objective": "a", "rules": {"import": 2}, "new": 1}
        commits: dict[str, str] = {}  # noqa: RUF012

    overseen = Overseen()
    apply(overseen, Leaf())
    assert overseen.screened == [("now", "a", {"import": 2})]
