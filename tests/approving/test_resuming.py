"""A halt stays until it is lifted: by signatures of approvers where the charter names some, else by an account."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from signing import People, changed, needs_ssh

from finite_program import made
from selfproof import birth
from selfproof import life as lives
from selfproof.archive.state import State, fold
from selfproof.audit import audit
from selfproof.ledger import Ledger, read
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.nouns import UsageError
from selfproof.oversight import halting
from selfproof.oversight.letters import statement
from selfproof.oversight.stop import order
from selfproof.places import Paths

AUTONOMY = '\n[autonomy]\napprovers = "allowed_signers"\nresume_approvals = 2\n'


def state_of(folder: Path) -> State:
    return fold(read(folder / ".selfproof" / "ledger").leaves())


@pytest.fixture(scope="module")
def people(tmp_path_factory: Any) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def born(people: People, tmp_path_factory: Any) -> Path:
    folder = made(tmp_path_factory.mktemp("halted") / "life")
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + AUTONOMY)
    (folder / "allowed_signers").write_text(people.allowed("alice", "bob"))
    birth.make(folder)
    with lives.opened(folder) as life:  # from here on the list is in force
        assert life.state.charter["approvers"]
    return folder


@pytest.fixture
def halted(born: Path, tmp_path: Path) -> Paths:
    folder = Path(shutil.copytree(born, tmp_path / "life"))
    order(Paths(folder), "a passer-by", "it looks odd")
    assert halting.settle(Paths(folder))
    return Paths(folder)


def left(paths: Paths, name: str, text: str, signature: str) -> None:
    paths.approvals.mkdir(exist_ok=True)
    told = {"change": "resume", "statement": text, "signature": signature}
    (paths.approvals / f"{name}.resume.json").write_text(json.dumps(told))


def to_sign(paths: Paths, *, decision: str = "approve", hours: float = 1.0) -> str:
    state = state_of(paths.folder)
    seen = read(paths.ledger)
    until = rfc3339(utc_now() + datetime.timedelta(hours=hours))
    at = {"size": state.entries, "root": seen.root.hex()}
    return statement(state.genesis["program"], halting.subject_of(state.overseen), decision, "", at, until)


def refused(paths: Paths, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        halting.resume(paths, "me")
    with pytest.raises(UsageError, match="stopped by a passer-by"):
        halting.check(state_of(paths.folder).overseen)
    assert audit(paths.ledger)["ok"]


@needs_ssh
def test_two_approvers_lift_a_halt_with_the_commands(cli: Any, halted: Paths, people: People) -> None:
    at = ("--at", halted.folder)
    first = cli.run("approve", "resume", "--key", people.key("alice"), "--json", *at)
    assert first.code == 0 and "so far: alice@example.com" in first.json["waits_for"], first.err
    halted.stop.unlink()
    refused(halted, "so far: alice@example.com")
    second = cli.run("approve", "resume", "--key", people.key("bob"), "--json", *at)
    assert second.json["resumed"] is True
    body = next(leaf.body for leaf in read(halted.ledger).leaves() if leaf.kind == "resume")
    assert (body["by"], body["authority"]) == ("alice@example.com and bob@example.com", "signatures")
    assert audit(halted.ledger)["ok"] and not list(halted.halts.iterdir())
    with lives.opened(halted.folder) as life:
        halting.check(life.state.overseen)


@needs_ssh
@pytest.mark.parametrize(
    ("what", "match"),
    [
        ("one of two", "so far: alice@example.com"),
        ("one person twice", "so far: alice@example.com"),
        ("expired", "counted until"),
        ("a stranger", "nobody who may approve"),
        ("another halt", "about another change"),
        ("another text", "not alice@example.com's over this statement"),
        ("one is against it", "bob@example.com signed that it must stay stopped"),
    ],
)
def test_signatures_that_lift_nothing(halted: Paths, people: People, what: str, match: str) -> None:
    text = to_sign(halted, hours=-1.0 if what == "expired" else 1.0)
    if what == "another halt":
        text = changed(text, subject={**json.loads(text)["subject"], "resume": 0})
    left(halted, "1", text, people.sign("alice", text))
    if what == "one person twice":
        again = changed(text, reason="again")
        left(halted, "2", again, people.sign("alice", again))
    elif what == "a stranger":
        left(halted, "2", text, people.sign("mallory", text))
    elif what == "another text":
        left(halted, "1", changed(text, reason="other"), people.sign("alice", text))
    elif what in {"expired", "another halt"}:
        left(halted, "2", text, people.sign("bob", text))
    elif what == "one is against it":
        no = to_sign(halted, decision="reject")
        left(halted, "2", no, people.sign("bob", no))
    refused(halted, match)


@needs_ssh
def test_signatures_are_for_one_halt(halted: Paths, people: People) -> None:
    """Those that were collected are worth nothing when somebody has stopped it again since."""
    text = to_sign(halted)
    for name in ("alice", "bob"):
        left(halted, name, text, people.sign(name, text))
    order(halted, "a passer-by", "and again")
    refused(halted, "so far: nobody")


def test_no_forged_resumption_verifies(halted: Paths) -> None:
    """The engine's key alone lifts nothing where approvers are named, and work during a halt is seen."""
    kept = shutil.copytree(halted.folder, halted.folder.with_name("other"))
    of = state_of(halted.folder).overseen.halted
    assert of is not None
    forged = {"what": "halt", "of": of.entry, "by": "me", "authority": "operator's account", "approvals": []}
    for paths, kind, body in (
        (halted, "resume", forged),
        (Paths(kept), "propose", {"objective": "suite", "batch": 0, "candidates": []}),
    ):
        with Ledger.open(paths.ledger, paths.key) as ledger:
            ledger.append(kind, body, durable=True)
        found = audit(paths.ledger)
        assert not found["ok"] and found["first_bad"]["kind"] == kind, found


def test_without_approvers_the_account_is_named(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    birth.make(folder)
    paths = Paths(folder)
    paths.stop.write_text("by hand\n")
    assert halting.settle(paths)
    told = state_of(folder).overseen.halted
    assert told is not None and (told.by, told.reason) == ("stop file", "by hand")
    assert cli.run("approve", "resume", "--key", paths.charter, "--at", folder).code == 2
    done = cli.run("resume", "--json", "--at", folder)
    assert done.json["authority"] == "operator's account" and done.json["by"].startswith("account ")
    assert not paths.stop.exists() and cli.run("resume", "--json", "--at", folder).json["was_stopped"] is False


def test_an_order_that_was_taken_back_by_hand_still_counts(halted: Paths, born: Path, tmp_path: Path) -> None:
    paths = Paths(Path(shutil.copytree(born, tmp_path / "again")))
    order(paths, "me", "")
    paths.stop.unlink()
    with pytest.raises(UsageError, match="stopped by me"):
        halting.settled(paths)
    shutil.rmtree(halted.halts)
    halted.stop.unlink()
    with pytest.raises(UsageError, match="stopped by a passer-by"):
        halting.check(state_of(halted.folder).overseen)


def test_a_halted_program_may_go_back_but_adopts_nothing(halted: Paths) -> None:
    from selfproof import line

    with lives.opened(halted.folder) as life:
        assert line.limit(life) == "the program was stopped"
