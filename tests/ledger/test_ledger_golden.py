"""A ledger written by the first version: it must verify forever, and the same input must give the same bytes.

If a change makes the second test fail, it changed the format: old ledgers still have to verify.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from selfproof.ledger import Ledger, check, read

GOLDEN = Path(__file__).parent.parent / "golden" / "ledger-v1"
VERIFIER = Path(__file__).parent.parent.parent / "verifiers" / "verify.mjs"
ROOT = "7cf1e09fbf05fff473641b01e0df7630acdbfc0efaf65ea379e0dffbd0e92107"
node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def write_golden(folder, key, clock):
    with Ledger.create(folder, key, program_id="golden", genesis={"format": 1}, clock=clock) as ledger:
        digest = ledger.put_blob(b"golden blob\n")
        ledger.append("charter", {"alpha": 0.05, "name": "é €", "tree": None}, durable=True)
        ledger.append("race", {"z": [0.1, -1e-7, 1e22, 2**53], "data": {"$blob": digest}})
        ledger.append("adopt", {"version": 1}, subject={"tree": "ab" * 32, "edit": "cd" * 32}, durable=True)
        ledger.append("propose", {"unsigned": True})
        ledger._ended = "dropped"  # close without a commit: the last entry stays unsigned


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def second_verifier(folder):
    done = subprocess.run(["node", VERIFIER, folder], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_the_golden_ledger_verifies():
    result = check(GOLDEN)
    assert result.ok and (result.entries, result.unsigned_tail, result.root) == (5, 1, ROOT)
    leaves = list(read(GOLDEN).leaves())
    assert [leaf.kind for leaf in leaves] == ["genesis", "charter", "race", "adopt", "propose"]
    assert read(GOLDEN).get_blob(leaves[2].body["data"]["$blob"]) == b"golden blob\n"


def test_the_same_input_gives_the_same_bytes(tmp_path, key, clock):
    write_golden(tmp_path / "ledger", key, clock)
    assert contents(tmp_path / "ledger") == contents(GOLDEN)


@node
def test_the_second_verifier_agrees():
    code, said = second_verifier(GOLDEN)
    assert code == 0 and said["ok"] and (said["signed"], said["unsigned_tail"]) == (4, 1)


@node
def test_the_second_verifier_agrees_on_a_longer_ledger(ledger, folder):
    for i in range(300):
        ledger.append("propose", {"i": i})
    ledger.commit()
    code, said = second_verifier(folder)
    assert code == 0 and said["root"] == check(folder).root and said["signed"] == 301
    (folder / "log").write_bytes((folder / "log").read_bytes() + bytes(100))
    assert second_verifier(folder)[0] == 0 and check(folder).ok


@node
@pytest.mark.parametrize(
    ("name", "offset", "index"),
    [
        ("log", 3, 0),
        ("log", 500, 1),
        ("log", 700, 2),
        ("log", -1, 4),
        ("checkpoint", 30, None),
        ("checkpoint", 60, None),
        ("checkpoint", -5, None),
        ("checkpoint", -3, None),
        ("vkey", 5, None),
    ],
)
def test_the_second_verifier_sees_damage(tmp_path, name, offset, index):
    folder = tmp_path / "ledger"
    shutil.copytree(GOLDEN, folder)
    data = bytearray((folder / name).read_bytes())
    data[offset] ^= 1
    (folder / name).write_bytes(data)
    code, said = second_verifier(folder)
    assert code == 4 and not said["ok"]
    assert index is None or said["first_bad"]["index"] == index
    assert not check(folder).ok


@node
def test_the_second_verifier_sees_a_missing_entry_and_a_missing_file(tmp_path):
    folder = tmp_path / "ledger"
    shutil.copytree(GOLDEN, folder)
    (folder / "log").write_bytes((folder / "log").read_bytes()[:900])
    assert second_verifier(folder)[0] == 4
    assert second_verifier(tmp_path / "nothing")[0] == 4
