"""The folder for someone who has nothing else: each question has its answer there, and the checks in it work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from selfproof.reports import handover
from selfproof.reports.facts import Facts

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ("What changed?", "Why?", "Who agreed?", "Is it really better?", "Could it have cheated?",
             "How do I stop it, and undo it?", "How do I know that this folder is honest?")  # fmt: skip


@pytest.fixture(scope="session")
def folder(golden_ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("handed") / "over"
    handover.export(golden_ledger, None, out, out / "none.toml", None)
    return out


def answer(folder: Path, question: str) -> str:
    page = (folder / "README.md").read_text()
    (text,) = re.findall(rf"^## (?:\d\. )?{re.escape(question)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return str(text)


def test_a_stranger_finds_every_answer_in_the_folder(folder: Path, facts: Facts) -> None:
    said = {question: answer(folder, question) for question in QUESTIONS}
    for version in facts.state.versions[1:]:
        assert version.title in said["What changed?"] and f"version {version.number}" in said["Is it really better?"]
        assert f"{version.effect['value']:.4g}" in said["Is it really better?"]
    assert ("line e^" in said["Why?"] or "without a bet" in said["Why?"]) and "the version before it" in said["Why?"]
    assert "no person looked" in said["Who agreed?"] and "No change carries" in said["Who agreed?"]
    assert "at most 0.05" in said["Is it really better?"]
    assert "operator-chosen" in said["Could it have cheated?"] and "jail" in said["Could it have cheated?"]
    assert (
        "touch STOP" in said["How do I stop it, and undo it?"]
        and "rollback v2" in said["How do I stop it, and undo it?"]
    )
    assert facts.shared.log.vkey in said["How do I know that this folder is honest?"]


def test_every_place_that_the_page_names_is_there(folder: Path) -> None:
    page = (folder / "README.md").read_text()
    card = (folder / "card.html").read_text()
    for name in re.findall(r"^\| `([^`]+)`(?:, `([^`]+)`)?(?:, `([^`]+)`)? \| (?!answer)", page, re.MULTILINE):
        assert all((folder / one).exists() for one in name if one)
    for heading in re.findall(r'`card.html`, "([^"]+)"', page):
        assert heading in card.replace("&#39;", "'"), heading
    targets = re.findall(r"\]\(card\.html#([^)]+)\)", page)
    assert len(targets) > 5 and all(f'id="{target}"' in card for target in targets)
    for target in re.findall(r"\]\(#([^)]+)\)", page):
        heads = [
            re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
            for head in re.findall(r"^## (.*)$", page, re.MULTILINE)
        ]
        assert target in heads


def test_the_diffs_are_what_changed(folder: Path, facts: Facts, tmp_path: Path) -> None:
    for path, text in facts.files(0).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    diff = folder / "changes" / "start-to-now.diff"
    subprocess.run(["git", "apply", "--unsafe-paths", "--directory", tmp_path, diff], cwd=tmp_path, check=True)
    assert {path: (tmp_path / path).read_text() for path in facts.files(0)} == facts.files(facts.state.current)
    assert sorted(p.name for p in (folder / "changes").iterdir()) == ["start-to-now.diff", "v1.diff", "v2.diff"]


def test_the_checks_in_it_work_from_it_alone(folder: Path, tmp_path: Path, typed: Any) -> None:
    alone = Path(shutil.copytree(folder, tmp_path / "alone"))
    key = (alone / "bundle" / "vkey").read_text().strip()
    done = typed("verify", "--bundle", alone / "bundle", "--key", key, "--json")
    assert done.code == 0 and done.json["ok"]
    again = typed("report", "--bundle", alone / "bundle", "--format", "md").out
    assert again == (alone / "card.md").read_text(), "whoever has it makes the same card"
    if shutil.which("node"):
        node = subprocess.run(
            ["node", "verify.mjs", "bundle", "--key", key], cwd=alone, capture_output=True, check=False
        )
        assert node.returncode == 0 and json.loads(node.stdout)["ok"] is True


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_its_openssl_check_fails_where_something_does_not_hold(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    key, note = (copy / "bundle" / "vkey").read_text().strip(), copy / "bundle" / "checkpoint"

    def said(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", copy / "check-with-openssl.sh", *words], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    assert said(key)[0] == 0 and "No key was given" in said()[1]
    other = (ROOT / "tests" / "golden" / "ledger-v1" / "vkey").read_text().strip()
    assert said(other) == (4, "The checkpoint is NOT signed by this key.\n")
    whole = note.read_text()
    note.write_text(whole.replace("\n", "\n1", 1))
    assert said(key)[0] == 4
    note.write_text(whole)
    blob = next(path for path in copy.glob("bundle/blobs/sha256/*/*"))
    blob.write_bytes(blob.read_bytes() + b"?")
    assert said(key)[0] == 4 and "FAILED" in said(key)[1]


def test_a_folder_in_use_is_not_written_over(folder: Path, newborn: Path, typed: Any, tmp_path: Path) -> None:
    assert typed("audit", "export", folder, "--at", newborn).code == 2
    assert typed("audit", "export", tmp_path / "x", "--at", newborn).code == 0
    assert "0 changes were adopted" in (tmp_path / "x" / "README.md").read_text()


def test_the_page_names_who_answers_and_explains_its_words(
    folder: Path, newborn: Path, typed: Any, tmp_path: Path
) -> None:
    assert "Nobody is named here who answers" in (folder / "README.md").read_text()
    given = "Jo `Doe`, \u202ejo@example.org"
    assert typed("audit", "export", tmp_path / "x", "--owner", given, "--at", newborn).code == 0
    page = (tmp_path / "x" / "README.md").read_text()
    assert "Jo 'Doe', " in page and "jo@example.org`" in page and "\u202e" not in page
    words = answer(folder, "Words")
    for word in ("wealth", "alpha", "checkpoint", "witness", "guard", "certified", "control", "incident"):
        assert re.search(rf"^\|[^|]*\b{word}\b[^|]*\|", words, re.MULTILINE), word
