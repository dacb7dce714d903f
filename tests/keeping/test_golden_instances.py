"""Programs that earlier versions left in the middle of their lives: they come back, verify, run on and verify again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.keeping.restoring import restore
from selfproof.ledger import read
from selfproof.places import Paths

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
INSTANCES = sorted(GOLDEN.glob("instance-*.selfproof"))


def test_there_is_one() -> None:
    assert INSTANCES and all(one.stat().st_size < 400_000 for one in INSTANCES)


@pytest.mark.parametrize("file", INSTANCES, ids=lambda file: file.stem)
def test_a_golden_instance_is_taken_up(file: Path, tmp_path: Path, cli: Any) -> None:
    wanted, folder = json.loads(file.with_suffix(".json").read_text("utf-8")), tmp_path / "again"
    told = restore(file, folder, by="ann")
    assert (told["entries"], told["version"]) == (wanted["entries"] + 1, wanted["version"])
    found = audit(Paths(folder).ledger)
    assert found["ok"], found
    verdicts = [row["verdict"] for row in json.loads(cli.run("log", "--json", "--at", folder).out)]
    assert verdicts == wanted["verdicts"]
    done = cli.run("run", "--minutes", 0.1, "--json", "--at", folder, timeout=240)
    assert done.code == 0, done.err
    state = fold(read(Paths(folder).ledger).leaves())
    kinds = [leaf.kind for leaf in read(Paths(folder).ledger).leaves(wanted["entries"])]
    assert kinds[0] == "move" and "engine" in kinds and len(state.versions) > wanted["version"]
    assert audit(Paths(folder).ledger)["ok"]
    if shutil.which("node"):
        import subprocess

        verifier = GOLDEN.parents[1] / "verifiers" / "verify.mjs"
        second = subprocess.run(["node", str(verifier), str(Paths(folder).ledger)], capture_output=True, check=False)
        assert json.loads(second.stdout)["ok"]
