"""What a signature must be for it to count: real keys, OpenSSH's own check."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from signing import People, changed, needs_ssh

from selfproof.oversight import approvals
from selfproof.oversight import letters as letters_of
from selfproof.oversight.letters import letters

pytestmark = needs_ssh
NOW, LATER, ROOT = "2026-11-24T12:00:00.000000Z", "2026-11-25T12:00:00+00:00", bytes(range(32))
SUBJECT = {"change": 6, "tree": "b" * 64, "parent": "a" * 64}


@pytest.fixture(scope="module")
def people(tmp_path_factory: Any) -> People:
    return People(tmp_path_factory.mktemp("keys"))


def statement(decision: str = "approve", until: str = LATER, **changes: Any) -> str:
    told = letters_of.statement("p" * 16, SUBJECT, decision, "", {"size": 9, "root": ROOT.hex()}, until)
    return changed(told, **changes) if changes else told


def checked(text: str, signature: str, signers: str, at: str = NOW) -> dict[str, str]:
    told = {"statement": text, "signature": signature}
    root_at = {9: ROOT, 8: bytes(32)}.get
    return approvals.checked(told, "p" * 16, SUBJECT, signers.encode(), at, root_at)


def test_a_signature_counts_for_who_made_it(people: People) -> None:
    found = checked(statement(), people.sign("alice", statement()), people.allowed("bob", "alice"))
    assert found["by"] == "alice@example.com" and found["key"].startswith("SHA256:") and found["decision"] == "approve"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"program": "q" * 16}, "another change"),
        ({"subject": {**SUBJECT, "tree": "c" * 64}}, "another change"),
        ({"subject": {**SUBJECT, "more": 1}}, "another change"),
        ({"subject": {**SUBJECT, "change": 6.0}}, "another change"),
        ({"until": "2026-11-24T11:59:59+00:00"}, "counted until"),
        ({"until": "2027-01-01T00:00:00"}, "not one that"),
        ({"checkpoint": {"size": 8, "root": ROOT.hex()}}, "another ledger"),
        ({"checkpoint": {"size": 0, "root": ROOT.hex()}}, "another ledger"),
        ({"checkpoint": {"size": 7, "root": ROOT.hex()}}, "another ledger"),
        ({"checkpoint": {"size": True, "root": ROOT.hex()}}, "not one that"),
        ({"decision": "maybe"}, "not one that"),
        ({"reason": None}, "not one that"),
        ({"_type": "https://selfproof.dev/approval/v2"}, "not one that"),
        ({"more": 1}, "not one that"),
    ],
)
def test_a_signature_of_something_else_does_not(people: People, changes: dict[str, Any], words: str) -> None:
    text = statement(**changes)
    with pytest.raises(approvals.NotApproved, match=words):
        checked(text, people.sign("alice", text), people.allowed("alice"))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 9000, "{" + " " * 9000, "\ud800"])
def test_what_is_no_statement_is_refused(people: People, text: str) -> None:
    with pytest.raises(approvals.NotApproved):
        checked(text, "x", people.allowed("alice"))


def test_another_spelling_of_the_same_statement_is_refused(people: People) -> None:
    text = statement().replace(",", ", ", 1)
    with pytest.raises(approvals.NotApproved, match="not one that"):
        checked(text, people.sign("alice", text), people.allowed("alice"))


def test_only_allowed_signers_count_in_our_namespace_and_in_time(people: People) -> None:
    text = statement()
    good, alone = people.sign("alice", text), people.allowed("alice")
    cases = [
        (text, people.sign("eve", text), alone, NOW),
        (text, people.sign("alice", text, "git"), alone, NOW),
        (statement("reject"), good, alone, NOW),
        (text, "", alone, NOW),
        (text, "\ud800", alone, NOW),
        (text, "x" * 20_000, alone, NOW),
        (text, good.replace("A", "B", 40), alone, NOW),
        (text, good, people.allowed("alice", options='namespaces="git" '), NOW),
        (text, good, people.allowed("alice", options='valid-before="20261124115959Z" '), NOW),
        (text, good, people.allowed("alice", options='valid-after="20261124120100Z" '), NOW),
    ]
    for told, signature, signers, at in cases:
        with pytest.raises(approvals.NotApproved):
            checked(told, signature, signers, at)
    assert checked(text, good, people.allowed("alice", options='valid-before="20261124120100Z" '))["by"]
    with pytest.raises(approvals.NotApproved, match="several people"):
        checked(text, good, people.allowed("alice").replace("alice@", "bob@example.com,alice@", 1))


def test_as_many_people_as_keys_must_agree() -> None:
    def one(by: str, key: str, decision: str = "approve") -> dict[str, str]:
        return {"by": by, "key": key, "decision": decision}

    assert approvals.agreed([one("a", "1"), one("b", "2")], 2)
    assert not approvals.agreed([one("a", "1"), one("a", "2")], 2), "one person, two keys"
    assert not approvals.agreed([one("a", "1"), one("b", "1")], 2), "one key, two names"
    assert not approvals.agreed([one("a", "1"), one("b", "2", "reject")], 2)
    assert not approvals.agreed([], 1)


def test_letters_are_bounded_and_typed(tmp_path: Path) -> None:
    (tmp_path / "1.change.json").write_text('{"change": 1, "statement": "s", "signature": "t", "more": 2}')
    (tmp_path / "2.change.json").write_text("[" * 100_000)
    (tmp_path / "3.change.json").write_text('{"change": 1, "statement": "' + "s" * 70_000 + '", "signature": "t"}')
    (tmp_path / "4.charter.json").write_text("{}")
    os.mkfifo(tmp_path / "6.change.json")
    (tmp_path / "7.change.json").symlink_to("/dev/zero")
    (tmp_path / "8.change.json").mkdir()
    (tmp_path / "5.change.new").write_text("{")
    found = [told for _, told in letters(tmp_path, "change")]
    assert found == [{"change": 1, "statement": "s", "signature": "t"}, {}, {}, {}, {}, {}]
