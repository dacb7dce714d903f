"""The ML-BOM: CycloneDX's own schema accepts it, and it names what the program is made of."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from selfproof import life
from selfproof.reports import bom, provenance
from selfproof.reports.facts import Facts

validation = pytest.importorskip("cyclonedx.validation.json")


def faults(document: dict[str, Any]) -> Any:
    from cyclonedx.schema import SchemaVersion

    return validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))


@pytest.fixture
def ran(newborn: Path) -> Facts:
    """A program whose ledger says what a run was made with."""
    with life.opened(newborn) as living:
        living.log("engine", provenance.engine())
    return Facts(newborn / ".selfproof" / "ledger")


def test_the_official_schema_accepts_it(facts: Facts, ran: Facts) -> None:
    for one in (facts, ran):
        assert faults(bom.document(one)) is None
    wrong = copy.deepcopy(bom.document(ran))
    wrong["components"][0]["hashes"][0]["content"] = "no hash"
    assert faults(wrong) is not None


def test_it_names_every_file_of_the_version_that_runs(ran: Facts, facts: Facts) -> None:
    for one in (ran, facts):
        document = bom.document(one)
        told = {part["name"]: part["hashes"][0]["content"] for part in document["components"] if part["type"] == "file"}
        assert told == dict(one.state.now.files)
        data = {part["name"] for part in document["components"] if part["type"] == "data"}
        assert set(one.state.charter["tasks"]) <= data
    libraries = {part["name"]: part["version"] for part in bom.document(ran)["components"] if part["type"] == "library"}
    assert {"selfproof", "numpy", "msgspec"} <= set(libraries) and "pytest" not in libraries
    assert bom.text(ran) == bom.text(Facts(ran.shared.folder))
