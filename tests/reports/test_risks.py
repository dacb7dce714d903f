"""The register of risks: tied to controls that exist, shown in the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfproof.nouns import UsageError
from selfproof.reports import risks
from selfproof.reports.card import card
from selfproof.reports.facts import Facts

GOOD = """[[risk]]
id = "R1"
risk = "it lies"
harm = "everybody"
controls = ["C7", "C22"]
residual = "low"
owner = "ann"
"""


def test_the_card_shows_the_register(facts: Facts, tmp_path: Path) -> None:
    (tmp_path / "risks.toml").write_text(GOOD)
    made = card(facts, risks.load(tmp_path / "risks.toml"))
    (row,) = made.section("risks").rows
    assert (row["risk"], row["residual"], row["controls"]) == ("it lies", "low", ["C7", "C22"])
    assert card(facts, risks.load(tmp_path / "none.toml")).section("risks").rows == []


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('"C22"', '"C44"', "there is no control 'C44'"),
        ('["C7", "C22"]', "[]", "names no control"),
        ('"low"', '"none"', "residual is one of"),
        ('owner = "ann"', "", "has the keys"),
        ('owner = "ann"', 'owner = "ann"\nextra = "x"', "has the keys"),
        ('"it lies"', "3", "is a text"),
        ("[[risk]]", "[[risk", "risks.toml"),
    ],
)
def test_a_risk_needs_controls_that_exist(tmp_path: Path, before: str, after: str, says: str) -> None:
    (tmp_path / "risks.toml").write_text(GOOD.replace(before, after))
    with pytest.raises(UsageError, match=says):
        risks.load(tmp_path / "risks.toml")


def test_a_register_to_begin_with(typed: Any, newborn: Path) -> None:
    assert typed("report", "--new-risks", "--at", newborn).code == 0
    assert len(risks.load(newborn / "risks.toml") or ()) >= 5
    assert typed("report", "--new-risks", "--at", newborn).code == 2, "what a person wrote is not overwritten"
    assert "by chance made it look better" not in typed("report", "--at", newborn).out
    assert "chance made it look better" in typed("report", "--at", newborn).out
