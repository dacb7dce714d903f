"""Versions and retiring them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from selfproof import life
from selfproof.audit import audit
from selfproof.ledger import Ledger
from selfproof.line import watching


@pytest.fixture
def lived(finite_life: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finite_life.folder, tmp_path / "life"))


def test_a_retired_version_never_runs_again(typed: Any, lived: Path) -> None:
    before = typed("versions", "--at", lived, "--json").json
    assert [row["state"] for row in before] == ["earlier", "earlier", "running"]
    assert typed("retire", "v2", "--reason", "r", "--at", lived).code == 2, "it runs"
    assert typed("retire", "v1", "--reason", "r", "--by", "ann", "--at", lived).code == 0
    assert typed("retire", "v1", "--reason", "r", "--at", lived).code == 2, "once"
    assert [row["state"] for row in typed("versions", "--at", lived, "--json").json][1] == "retired"
    only = typed("retire", "v0", "--reason", "r", "--at", lived)
    assert only.code == 2 and "nothing would be left" in only.err
    back = typed("rollback", "v2", "--at", lived, "--json")
    assert back.code == 0 and back.json["version"] == 0, "past the retired one"
    assert audit(lived / ".selfproof" / "ledger")["ok"]


def test_a_canary_takes_back_past_a_retired_version(lived: Path, typed: Any) -> None:
    assert typed("retire", "v1", "--reason", "r", "--at", lived).code == 0
    with life.opened(lived) as living:
        (watched,) = [c for c in living.state.confirmations.values() if c.version == 2]
        assert [event["to"] for event in watching.take_back(living, watched)] == [0] and living.state.current == 0
    assert audit(lived / ".selfproof" / "ledger")["ok"]


def test_a_rollback_to_a_retired_version_is_found_by_the_auditor(typed: Any, lived: Path) -> None:
    assert typed("retire", "v1", "--reason", "r", "--at", lived).code == 0
    tree = typed("versions", "--at", lived, "--json").json[1]["tree"]
    ledger = Ledger.open(lived / ".selfproof" / "ledger", lived / ".selfproof" / "key")
    ledger.append(
        "rollback", {"from": 2, "to": 1, "undone": [2], "tree": tree, "reason": "r", "by": "person"}, durable=True
    )
    ledger.close()
    assert "was retired" in audit(lived / ".selfproof" / "ledger")["first_bad"]["reason"]
