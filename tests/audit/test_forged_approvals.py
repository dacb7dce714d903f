"""Forged histories of a life in which people sign: ``verify`` names what nobody agreed to."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forging import Entry, Forger

from finite_program import made
from selfproof.audit import audit

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing: openssh-client")
AUTONOMY = '\n[autonomy]\nlevel = "approve"\napprovers = "allowed_signers"\napprovals = 1\n'


@pytest.fixture(scope="module")
def signed(cli: Any, tmp_path_factory: Any) -> Path:
    """A life whose suite was approved, and whose charter was changed afterwards by agreement."""
    folder = made(tmp_path_factory.mktemp("signed") / "life")
    charter, key = folder / "charter.toml", folder.parent / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (folder / "allowed_signers").write_text(f"alice {key.with_suffix('.pub').read_text()}")
    charter.write_text(charter.read_text() + AUTONOMY)
    minutes, rows = 0.04, dict[str, int]()
    while "suite" not in rows:  # a busy machine takes longer
        words = ("--minutes", minutes, "--seed", "1", "--focus", "suite", "--json", "--at", folder)
        assert cli.run("run", *words).code == 0
        rows = {row["objective"]: row["id"] for row in cli.run("review", "--json", "--at", folder).json}
        minutes *= 2
    assert cli.run("approve", rows["suite"], "--key", key, "--json", "--at", folder).json["adopted"] is True
    charter.write_text(charter.read_text().replace("minutes = 0.2", "minutes = 0.3"))
    assert "waits_for" not in cli.run("approve", "charter", "--key", key, "--json", "--at", folder).json
    return folder


def no_approval(f: Forger) -> Entry:
    f.entries = [entry for entry in f.entries if entry.kind != "approval"]
    return f.find("adopt")


def another_signature(f: Forger) -> Entry:
    entry = f.find("approval")
    entry.body["signature"] = entry.body["signature"].replace("A", "B", 60)
    return entry


def another_name(f: Forger) -> Entry:
    entry = f.find("approval")
    entry.body["by"] = "bob"
    return entry


def rejected_after_all(f: Forger) -> Entry:
    entry = f.find("approval")
    entry.body["statement"] = entry.body["statement"].replace('"approve"', '"reject"')
    entry.body["decision"] = "reject"
    return entry


def checked_later(f: Forger) -> Entry:
    entry = f.find("approval")
    entry.body["at"] = "2099-01-01T00:00:00.000000Z"
    return entry


def a_charter_nobody_signed(f: Forger) -> Entry:
    entry = f.find("charter", lambda body: "approvals" in body)
    entry.body["approvals"] = []
    return entry


def a_charter_other_than_the_signed_one(f: Forger) -> Entry:
    entry = f.find("charter", lambda body: "approvals" in body)
    text = f.source.get_blob(entry.body["charter"]).decode().replace("minutes = 0.3", "minutes = 9.0")
    entry.body["charter_text"] = f.blob(text.encode())
    entry.body["charter"] = entry.body["charter_text"]["$blob"]
    return entry


def other_approvers(f: Forger) -> Entry:
    entry = f.find("charter", lambda body: "approvals" in body)
    entry.body["approvers"] = f.blob(b"eve ssh-ed25519 AAAA\n")
    return entry


FORGED: dict[Callable[[Forger], Entry], str] = {
    no_approval: "without the approvals", another_signature: "does not count", another_name: "another by",
    rejected_after_all: "does not count", checked_later: "checked later",
    a_charter_nobody_signed: "did not agree", a_charter_other_than_the_signed_one: "does not count",
    other_approvers: "does not count",
}  # fmt: skip


def test_the_true_history_of_approvals_is_sound(signed: Path) -> None:
    found = audit(signed / ".selfproof" / "ledger")
    assert found["ok"], found["first_bad"]


@pytest.mark.parametrize("forge", FORGED, ids=lambda forge: forge.__name__)
def test_what_nobody_agreed_to_is_found(signed: Path, tmp_path: Path, forge: Callable[[Forger], Entry]) -> None:
    forger = Forger(signed)
    entry = forge(forger)
    index = forger.entries.index(entry)
    found = audit(forger.sign(tmp_path / "ledger"))
    assert found["first_bad"] is not None and found["first_bad"]["index"] == index, found
    assert FORGED[forge] in found["first_bad"]["reason"], found["first_bad"]


def test_a_statement_names_the_trees_and_the_ledger(signed: Path) -> None:
    body = json.loads(Forger(signed).find("approval").body["statement"])
    assert {"tree", "parent", "charter", "candidate", "change"} == set(body["subject"])
    assert set(body["checkpoint"]) == {"size", "root"}
