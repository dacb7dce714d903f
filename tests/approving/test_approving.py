"""Certified changes that wait for people: a small program of two objectives, real keys, the real commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from signing import People, changed, needs_ssh

from finite_program import made
from selfproof import life as lives
from selfproof import line
from selfproof.archive.state import State, fold
from selfproof.ledger import read
from selfproof.line import approving

pytestmark = needs_ssh
AUTONOMY = '\n[autonomy]\nlevel = "approve"\napprovers = "allowed_signers"\napprovals = 2\n'


@pytest.fixture(scope="module")
def people(tmp_path_factory: Any) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def lived(cli: Any, people: People, tmp_path_factory: Any) -> Path:
    """A life that has certified a change of each objective and adopted none."""
    folder = made(tmp_path_factory.mktemp("asked") / "life")
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + AUTONOMY)
    (folder / "allowed_signers").write_text(people.allowed("alice", "bob", "carol"))
    for name in ("suite", "holdout"):
        cli.until("decision", folder, "--seed", "1", "--focus", name)
    assert set(waiting(folder)) == {"suite", "holdout"}
    return folder


@pytest.fixture
def asked(lived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lived, tmp_path / "life"))


def state_of(folder: Path) -> State:
    return fold(read(folder / ".selfproof" / "ledger").leaves())


def waiting(folder: Path) -> dict[str, int]:
    return {one.body["objective"]: one.id for one in state_of(folder).waiting}


def approve(cli: Any, folder: Path, people: People, who: str, what: object, *words: str) -> Any:
    return cli.run("approve", what, "--key", people.key(who), "--json", "--at", folder, *words)


def letter(folder: Path, what: object, statement: str, signature: str) -> None:
    place = folder / ".selfproof" / "approvals"
    place.mkdir(exist_ok=True)
    told = {"change": what, "statement": statement, "signature": signature}
    (place / f"{len(list(place.iterdir()))}.change.json").write_text(json.dumps(told))


def taken_in(folder: Path) -> list[Any]:
    with lives.opened(folder) as life:
        return list(line.decided(life))


def test_nothing_is_adopted_and_the_review_shows_what_waits(cli: Any, lived: Path) -> None:
    assert state_of(lived).current == 0 and cli.run("verify", "--at", lived).code == 0
    assert cli.run("status", "--json", "--at", lived).json["waiting"] == sorted(waiting(lived).values())
    rows = {row["objective"]: row for row in cli.run("review", "--json", "--at", lived).json}
    assert set(rows) == {"suite", "holdout"} and all(row["needed"] == 2 for row in rows.values())
    shown = cli.run("review", waiting(lived)["suite"], "--at", lived).out
    assert "+    return x * x" in shown and "not covered" in shown and "as if a stranger had sent it" in shown
    assert "class code: suite.py" in shown and "(square)" in shown and "guards      kept" in shown
    weighs = cli.run("review", waiting(lived)["suite"], "--json", "--at", lived).json["weighs"]
    assert weighs["serves"]["guards"] == ["kept"] and weighs["signed_lately"] == {} and weighs["linted"] == []
    assert "waits" in {row["verdict"] for row in cli.run("log", "--json", "--at", lived).json}


def test_two_signatures_adopt_exactly_what_was_signed(cli: Any, asked: Path, people: People) -> None:
    change = waiting(asked)["suite"]
    first = approve(cli, asked, people, "alice", change)
    assert "alice@example.com agreed to one" in cli.run("review", change, "--at", asked).out
    assert (first.code, first.json["adopted"], first.json["by"]) == (0, False, "alice@example.com")
    assert approve(cli, asked, people, "alice", change).json["adopted"] is False, "one person is not two"
    assert state_of(asked).current == 0
    second = approve(cli, asked, people, "bob", change)
    assert second.json["adopted"] is True and state_of(asked).current == 1
    assert (asked / "program" / "suite.py").read_text() == "def square(x):\n    return x * x\n"
    assert cli.run("verify", "--at", asked).code == 0
    shown = cli.run("show", "v1", "--at", asked).out
    assert "signed by   alice@example.com, bob@example.com" in shown
    later = cli.run("run", "--minutes", "0.02", "--seed", "1", "--json", "--at", asked)
    assert later.code == 0 and state_of(asked).now.effect, "the next run watches it"
    assert cli.run("verify", "--at", asked).code == 0


def test_a_signature_is_void_once_another_change_was_adopted(cli: Any, asked: Path, people: People) -> None:
    suite, holdout = (waiting(asked)[name] for name in ("suite", "holdout"))
    assert approve(cli, asked, people, "alice", holdout).json["adopted"] is False
    for who in ("alice", "bob"):
        approve(cli, asked, people, who, suite)
    assert state_of(asked).current == 1
    assert approve(cli, asked, people, "bob", holdout).json["adopted"] is False, "alice signed for another tree"
    assert approve(cli, asked, people, "alice", holdout).json["adopted"] is True
    assert state_of(asked).current == 2 and cli.run("verify", "--at", asked).code == 0


def test_who_rejects_ends_it(cli: Any, asked: Path, people: People) -> None:
    change = waiting(asked)["suite"]
    assert approve(cli, asked, people, "alice", change).code == 0
    assert approve(cli, asked, people, "bob", change, "--reject", "--reason", "too clever").json["decision"] == "reject"
    decision = state_of(asked).confirmations[change].decision
    assert decision is not None and decision["verdict"] == "refused" and "too clever" in decision["reason"]
    again = approve(cli, asked, people, "carol", change)
    assert again.code == 2 and "waits for approval" in again.err
    assert cli.run("verify", "--at", asked).code == 0


def test_what_does_not_count_is_told_and_leaves_nothing(cli: Any, asked: Path, people: People) -> None:
    change = waiting(asked)["suite"]
    refused = approve(cli, asked, people, "eve", change)
    assert refused.code == 1 and "allowed signers" in refused.err
    place = asked / "s.json"
    told = cli.run("approve", change, "--statement", place, "--at", asked)
    assert told.code == 0 and "ssh-keygen -Y sign -n selfproof" in told.out
    sound, size = place.read_text(), len(list(read(asked / ".selfproof" / "ledger").leaves()))
    letter(asked, change, sound, people.sign("eve", sound))
    letter(asked, change, changed(sound, reason="x"), people.sign("alice", sound))
    letter(asked, waiting(asked)["holdout"], sound, people.sign("alice", sound))
    letter(asked, 10**6, sound, people.sign("alice", sound))
    letter(asked, [change], sound, people.sign("alice", sound))
    (asked / ".selfproof" / "approvals" / "z.change.json").write_bytes(b"\xff\x00")
    events = taken_in(asked)
    assert [one["taken"] for one in events] == [False] * 6
    assert len(list(read(asked / ".selfproof" / "ledger").leaves())) == size
    assert not list((asked / ".selfproof" / "approvals").glob("*.json"))


def test_a_statement_that_was_signed_elsewhere_is_taken(cli: Any, asked: Path, people: People) -> None:
    change, place = waiting(asked)["suite"], asked / "s.json"
    assert approve(cli, asked, people, "alice", change).code == 0
    assert cli.run("approve", change, "--statement", place, "--at", asked).code == 0
    (asked / "s.sig").write_text(people.sign("bob", place.read_text()))
    words = ("--statement", place, "--signature", asked / "s.sig", "--json", "--at", asked)
    assert cli.run("approve", change, *words).json["adopted"] is True


def test_nobody_approves_what_they_suggested(asked: Path, people: People, cli: Any) -> None:
    change, place = waiting(asked)["suite"], asked / "s.json"
    cli.run("approve", change, "--statement", place, "--at", asked)
    letter(asked, change, place.read_text(), people.sign("alice", place.read_text()))
    with lives.opened(asked) as life:
        life.state.confirmations[change].body["operator"] = "alice@example.com"
        (event,) = line.decided(life)
    assert event["taken"] is False and "suggested this change" in event["reason"]


def test_what_nobody_signs_in_time_is_refused(cli: Any, asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    until = (state_of(asked).waiting[0].waits or {})["until"]
    monkeypatch.setattr(approving, "rfc3339", lambda _: until.replace("-1", "-2", 1))
    events = taken_in(asked)
    assert ["not enough" in one["by"] for one in events] == [True] * 2 and not state_of(asked).waiting
    assert cli.run("verify", "--at", asked).code == 0


def test_while_an_engine_holds_the_life_the_signature_is_left_for_it(cli: Any, asked: Path, people: People) -> None:
    change = waiting(asked)["suite"]
    with lives.opened(asked) as life:
        for who in ("alice", "bob"):
            assert approve(cli, asked, people, who, change).json["running"] is True
        events = list(line.decided(life))
    assert [one.get("decision") for one in events] == ["approve", "approve", "adopted"]
    assert state_of(asked).current == 1


def test_another_charter_needs_its_approvers(cli: Any, asked: Path, people: People) -> None:
    charter, before = asked / "charter.toml", (asked / "charter.toml").read_text()
    charter.write_text(before.replace('level = "approve"', 'level = "autonomous"'))
    refused = cli.run("run", "--minutes", "0.05", "--at", asked)
    assert refused.code == 2 and "have not agreed" in refused.err and "0 of 2" in refused.err
    assert cli.run("charter", "--in-force", "--at", asked).out == before
    assert "1 of 2" in approve(cli, asked, people, "alice", "charter").json["waits_for"]
    charter.write_text(before.replace("approvals = 2", "approvals = 1"))
    assert "waits_for" in approve(cli, asked, people, "bob", "charter").json, "alice signed another text"
    assert "waits_for" not in approve(cli, asked, people, "alice", "charter").json
    assert "approvals = 1" in cli.run("charter", "--in-force", "--at", asked).out
    assert cli.run("verify", "--at", asked).code == 0
    with (asked / "allowed_signers").open("a") as file:
        file.write(people.allowed("eve"))
    assert cli.run("run", "--minutes", "0.05", "--at", asked).code == 2, "nor may the list of approvers change"
    (asked / "allowed_signers").unlink()
    gone = cli.run("run", "--minutes", "0.05", "--at", asked)
    assert gone.code == 2 and "allowed_signers" in gone.err


def test_a_list_that_could_never_agree_is_not_put_in_force(cli: Any, people: People, tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    charter, signers = folder / "charter.toml", folder / "allowed_signers"
    charter.write_text(charter.read_text() + AUTONOMY)
    alice, bob = people.allowed("alice"), people.allowed("bob")
    cut = f"bob@example.com {bob.split()[1]} {bob.split()[2][4:]}\n"
    for text, words in {
        "not a key\n": "line 1", alice + "bob@example.com\n": "line 2", alice + cut: "line 2",
        alice.replace("alice@", "al@example.com,alice@") + bob: "line 1", alice: "nothing could ever be approved",
        alice + alice.replace("alice@", "al@", 1): "nothing could ever", "# nobody\n": "nothing could ever",
    }.items():  # fmt: skip
        signers.write_text(text)
        told = cli.run("run", "--minutes", "0.02", "--at", folder)
        assert told.code == 2 and words in told.err, (text, told.err)
    signers.write_text("# us\n" + alice + 'bob@example.com namespaces="selfproof" ' + bob.partition(" ")[2])
    assert cli.run("run", "--minutes", "0.02", "--seed", "1", "--json", "--at", folder).code == 0


def test_a_rebuilt_program_has_its_approvers(cli: Any, asked: Path, people: People, tmp_path: Path) -> None:
    for who in ("alice", "bob"):
        approve(cli, asked, people, who, waiting(asked)["suite"])
    assert cli.run("rebuild", tmp_path / "again", "--at", asked).code == 0
    for name in ("allowed_signers", "program/suite.py", "charter.toml"):
        assert (tmp_path / "again" / name).read_bytes() == (asked / name).read_bytes()


def test_asking_nobody_is_refused_at_once(cli: Any, people: People, tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    charter = folder / "charter.toml"
    plain = charter.read_text()
    charter.write_text(plain + '\n[autonomy]\nlevel = "approve"\n')
    told = cli.run("run", "--minutes", "0.05", "--at", folder)
    assert told.code == 2 and "names no approvers" in told.err and "NAME, a space" in told.err
    charter.write_text(plain + '\n[autonomy]\napprovers = "../allowed_signers"\n')
    told = cli.run("run", "--minutes", "0.05", "--at", folder)
    assert told.code == 2 and "no file beside the charter" in told.err
    charter.write_text(plain)
    assert cli.run("init", folder).code in {0, 2}
    told = cli.run("approve", "6", "--key", people.key("alice"), "--at", folder)
    assert told.code == 2
