"""What a stranger can do with a ledger: a bundle and nothing else, two verifiers, the program and its trials again."""

from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from selfproof.audit import rebuilding, tampering
from selfproof.audit.bundle import unpacked
from selfproof.audit.tampering import TAMPERINGS, tour
from selfproof.cli import main
from selfproof.ledger import LedgerBroken, read

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = TESTS / "golden" / "ledger-v2"
VERIFIER = TESTS.parent / "verifiers" / "verify.mjs"
node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def second(path: Path, *more: object) -> dict[str, Any]:
    done = subprocess.run(["node", VERIFIER, path, *map(str, more)], capture_output=True, text=True, check=False)
    assert done.stderr == "" and done.returncode in {0, 4}
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["ok"] is (done.returncode == 0)
    return said


def typed(*words: object) -> Done:
    """A command as it is typed, in this process: what is tested here is what it says, not how it starts."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the golden bundle, alone in a folder."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "bundle"))


@pytest.fixture(scope="module")
def ledger(life: Any) -> Path:
    return Path(life.folder / ".selfproof" / "ledger")


@pytest.fixture(params=["ledger-v2", "ledger-v3"])
def golden(request: Any, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of each golden bundle, and what is expected of it; the newer one has texts taken out and a new key."""
    place = TESTS / "golden" / request.param
    return Path(shutil.copytree(place, tmp_path / "bundle")), json.loads(place.with_suffix(".json").read_text())


def test_golden_bundles_verify_from_nothing_else(cli: Any, golden: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    bundle, expected = golden
    key = (bundle / "vkey").read_text().strip()
    done = cli.run("verify", "--bundle", bundle, "--key", key, "--json", cwd=tmp_path)
    assert done.code == 0 and {k: done.json[k] for k in ("entries", "root")} == {
        k: expected[k] for k in ("entries", "root")
    }


@node
def test_the_second_verifier_accepts_the_golden_bundles(golden: tuple[Path, dict[str, Any]]) -> None:
    bundle, expected = golden
    said = second(bundle, "--key", bundle / "vkey")
    assert (said["ok"], said["signed"], said["root"]) == (True, expected["entries"], expected["root"])
    assert said["blobs"] >= 10


def other_key(bundle: Path) -> str:
    return (TESTS / "golden" / "ledger-v1" / "vkey").read_text().strip()


def test_another_log_than_the_one_whose_key_i_hold(bundle: Path) -> None:
    done = typed("verify", "--bundle", bundle, "--key", other_key(bundle), "--json")
    assert (
        done.code == 4
        and done.json["first_bad"]["kind"] == "key"
        and "another log" in done.json["first_bad"]["meaning"]
    )
    if shutil.which("node"):
        assert not second(bundle, "--key", other_key(bundle))["ok"]


def part(bundle: Path, pattern: str) -> Path:
    return max((path for path in bundle.glob(pattern) if path.is_file()), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize(
    "pattern",
    ["tile/0/*.p/*", "tile/entries/*.p/*", "blobs/sha256/*/*", "checkpoint", "vkey"],
)
def test_a_changed_byte_of_a_bundle_is_seen_by_both(bundle: Path, pattern: str) -> None:
    path = part(bundle, pattern)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    done = typed("verify", "--bundle", bundle, "--json")
    assert done.code == 4 and done.json["first_bad"]["meaning"], done
    if shutil.which("node"):
        assert not second(bundle)["ok"]


def test_what_is_missing_or_does_not_belong_is_named(bundle: Path, tmp_path: Path) -> None:
    (bundle / "notes.txt").write_text("trust me")
    assert "notes.txt" in typed("verify", "--bundle", bundle, "--json").json["first_bad"]["reason"]
    (bundle / "notes.txt").unlink()
    part(bundle, "tile/0/*.p/*").unlink()
    done = typed("verify", "--bundle", bundle)
    assert done.code == 4 and "tile/0" in done.err
    done = typed("verify", "--bundle", tmp_path)
    assert done.code == 2 and "no bundle" in done.err


@node
def test_both_verifiers_agree_on_a_bundle_of_a_life_and_on_a_proof(life: Any, tmp_path: Path) -> None:
    out, proof = tmp_path / "out", tmp_path / "v1.tlog-proof"
    made = typed("ledger", "bundle", out, "--at", life.folder, "--json")
    assert made.code == 0 and second(out)["root"] == made.json["root"]
    assert typed("ledger", "bundle", out, "--at", life.folder).code == 2  # never over something
    assert typed("ledger", "proof", "v1", "--at", life.folder, "--out", proof).code == 0
    said = second(proof, "--key", out / "vkey")
    assert said["ok"] and said["entry"]["predicate"]["version"] == 1
    text = proof.read_text()
    proof.write_text(text.replace(f"\nindex {said['index']}\n", f"\nindex {said['index'] - 1}\n"))
    assert not second(proof, "--key", out / "vkey")["ok"] and not second(proof)["ok"]


def rows(archive: Path) -> list[str]:
    with sqlite3.connect(archive) as db:
        return list(db.iterdump())


def commits(tree: Path) -> str:
    done = subprocess.run(["git", "-C", tree, "log", "--format=%H"], capture_output=True, text=True, check=True)
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*")
            if p.is_file() and ".git" not in p.parts and "__pycache__" not in p.parts}  # fmt: skip


def test_a_program_comes_back_from_its_ledger_bit_for_bit(copied: Path, tmp_path: Path) -> None:
    """After a rollback too: files, every commit's name, charter and each row of the archive."""
    first = next(row["id"] for row in typed("log", "--json", "--at", copied).json if row["version"] == 2)
    assert typed("rollback", first, "--at", copied).code == 0
    bundle, out = tmp_path / "bundle", tmp_path / "again"
    assert typed("ledger", "bundle", bundle, "--at", copied).code == 0
    done = typed("rebuild", out, "--bundle", bundle, "--json")
    assert done.code == 0 and done.json["commits"] >= 4 and done.json["missing"]["tasks"], done
    assert contents(out / "program") == contents(copied / "program")
    assert commits(out / "program") == commits(copied / "program")
    assert (out / "charter.toml").read_bytes() == (copied / "charter.toml").read_bytes()
    before = [row for row in rows(copied / ".selfproof" / "archive.db") if 'INTO "candidate"' in row]
    after = [row for row in rows(out / ".selfproof" / "archive.db") if 'INTO "candidate"' in row]
    assert len(after) > 50 and before == after
    assert typed("rebuild", out, "--at", copied).code == 2  # never over something


def test_nothing_is_rebuilt_from_a_ledger_that_does_not_verify(bundle: Path, tmp_path: Path) -> None:
    path = part(bundle, "blobs/sha256/*/*")
    path.write_bytes(path.read_bytes()[:-1])
    done = typed("rebuild", tmp_path / "again", "--bundle", bundle)
    assert done.code == 4 and not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["../outside.py", "/tmp/outside.py", ".git/config", "a/.GIT/hooks/x"])
def test_a_strangers_ledger_writes_nowhere_else(monkeypatch: Any, ledger: Path, tmp_path: Path, name: str) -> None:
    folded = rebuilding._folded

    def hostile(reader: Any) -> Any:
        charter, state = folded(reader)
        state.versions[-1].files = {**state.versions[-1].files, name: "0" * 64}
        return charter, state

    monkeypatch.setattr(rebuilding, "_folded", hostile)
    with pytest.raises(LedgerBroken, match="no place"):
        rebuilding.rebuild(ledger, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_recorded_pairs_run_again_and_give_the_very_same_scores(bundle: Path) -> None:
    done = typed("verify", "--bundle", bundle, "--rerun", 2, "--json")
    again = done.json["rerun"]
    assert done.code == 0 and [row["equal"] for row in again["pairs"]] == [True, True], done
    assert any("control" in why for why in again["left_out"])
    shutil.rmtree(bundle / "tasks")
    done = typed("verify", "--bundle", bundle, "--rerun", 2)
    assert done.code == 2 and "--with-tasks" in done.err


def test_a_bundle_that_wants_no_wall_is_not_run(unborn: Any, tmp_path: Path) -> None:
    folder, bundle = unborn(), tmp_path / "bundle"
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text().replace('require = "auto"', 'require = "none"'))
    assert typed("init", folder).code == 0
    assert typed("ledger", "bundle", bundle, "--with-tasks", "--at", folder).code == 0
    done = typed("verify", "--bundle", bundle, "--rerun", 1)
    assert done.code == 2 and "no isolation" in done.err


def test_a_false_score_is_seen_by_running_its_pair_again(monkeypatch: Any, copied: Path) -> None:
    """Every rule holds for what it says: only the trial itself says otherwise."""
    from selfproof.audit import rerunning
    from selfproof.life import viewed

    with viewed(copied) as life:
        assert rerunning.rerun(life, 1)["pairs"][0]["equal"] is True
    unpacked = rerunning.unpack
    monkeypatch.setattr(rerunning, "unpack", lambda data: better(unpacked(data)))
    with viewed(copied) as life:
        found = rerunning.rerun(life, 1)
    assert not found["ok"] and "recorded is" in found["pairs"][0]["why"]


def better(evidence: Any) -> Any:
    header, recorded = evidence
    return header, [(*row[:-1], row[-1] * 0.999) for row in recorded]


def test_pairs_whose_seeds_are_not_revealed_are_named(monkeypatch: Any, copied: Path) -> None:
    from selfproof.audit import rerunning
    from selfproof.life import viewed

    with viewed(copied) as life:
        kept = [leaf for leaf in life.ledger.leaves() if leaf.kind != "seed-reveal"]
        monkeypatch.setattr(life.ledger, "leaves", lambda: iter(kept))
        found = rerunning.rerun(life, 3)
    assert found["pairs"] == [] and any("not revealed" in why for why in found["left_out"])


@pytest.mark.slow  # the same on the golden bundle's smaller ledger: test_the_tour_of_the_golden_bundle
def test_the_tour_catches_all_and_says_what_takes_a_memory(life: Any, ledger: Path) -> None:
    before = contents(ledger)
    done = typed("verify", "--demo-tamper", "--at", life.folder, "--json")
    tried = done.json["tampering"]["tried"]
    assert done.code == 0 and len(tried) == len(TAMPERINGS) and done.json["tampering"]["not_possible_here"] == {}
    assert all(row["caught"] for row in tried)
    assert [row["did"] for row in tried if row["takes_a_checkpoint"]] == [did for hand, did, _ in TAMPERINGS[-2:]]
    assert len({row["said"] for row in tried}) >= len(tried) - 2, "each for a reason of its own, but for lost entries"
    assert contents(ledger) == before


def test_a_tampering_that_nobody_sees_is_called_missed(monkeypatch: Any, ledger: Path) -> None:
    sound = {"ok": True, "entries": read(ledger).size, "root": "", "first_bad": None, "unsigned_tail": 0}
    monkeypatch.setattr(tampering, "audit", lambda folder: sound)
    monkeypatch.setattr(tampering, "TAMPERINGS", TAMPERINGS[:2])
    told, _ = tour(ledger)
    assert not any(one.caught for one in told)


def test_the_tour_of_the_golden_bundle(bundle: Path) -> None:
    before = contents(bundle)
    with unpacked(bundle) as ledger:
        told, missing = tour(ledger)
    assert len(told) >= 15 and len(told) + len(missing) == len(TAMPERINGS) and all(one.caught for one in told)
    assert [one.did for one in told if one.remembered][-1] == TAMPERINGS[-1][1]
    assert contents(bundle) == before


def test_the_tour_of_a_ledger_without_decisions_says_what_it_could_not_try(unborn: Any) -> None:
    folder = unborn()
    assert typed("init", folder).code == 0
    done = typed("verify", "--demo-tamper", "--at", folder)
    assert done.code == 0 and "not tried, it has no such verdict entry" in done.out


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_auditors_page_works_with_openssl_alone(bundle: Path) -> None:
    page = (TESTS.parent / "docs" / "auditors.md").read_text()
    (script,) = re.findall(r"## With openssl alone.*?```sh\n(.*?)```", page, re.DOTALL)

    def said() -> str:
        done = subprocess.run(["bash", "-c", script], cwd=bundle, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert said() == "Signature Verified Successfully\n"
    blob, note = part(bundle, "blobs/sha256/*/*"), bundle / "checkpoint"
    blob.write_bytes(blob.read_bytes() + b"?")
    assert said().splitlines()[0] == "Signature Verified Successfully" and "FAILED" in said()
    size = note.read_text().splitlines()[1]
    note.write_text(note.read_text().replace(f"\n{size}\n", f"\n{int(size) - 1}\n", 1))
    assert "Verification Failure" in said()
