"""Mappings to laws and standards: each row has evidence that exists, or says what is not covered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from selfproof.reports import controls, mapping
from selfproof.reports.card import Card

DESIGN = Path(__file__).resolve().parents[2] / "docs" / "design.md"
KINDS = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`[a-z`, -]+) \|", DESIGN.read_text(), re.MULTILINE))))
ROWS = [(table.id, row) for table in mapping.tables() for row in table.rows]


@pytest.mark.parametrize(("table", "row"), ROWS, ids=[f"{table} {row.ref}" for table, row in ROWS])
def test_each_provision_has_evidence_or_says_why_not(table: str, row: mapping.Row, made: Card) -> None:
    assert row.evidence or row.gap, "neither evidence nor a reason"
    sections, known = {one.id for one in made.sections}, {one.id for one in controls.rows()}
    for one in row.evidence:
        kind, _, name = one.partition(":")
        assert name in {"section": sections, "entry": KINDS, "control": known}[kind], one


@pytest.mark.parametrize(
    ("table", "refs"),
    [
        ("eu-ai-act", [*(f"Art. {n}" for n in (9, 10, 12, 13, 14, 15, 17, "43(4)", 72, 73)), "Annex IV"]),
        ("nist-ai-rmf", ["GOVERN", "MAP", "MEASURE", "MANAGE"]),
        ("iso-42001", ["A.2", "A.3", "A.4", "A.5", "A.6", "A.7", "A.8", "A.9", "A.10"]),
    ],
)  # fmt: skip
def test_what_was_promised_is_there(table: str, refs: list[str]) -> None:
    found = [row.ref for name, row in ROWS if name == table]
    assert all(any(one.startswith(ref) for one in found) for ref in refs)


def test_evidence_that_a_ledger_lacks_is_said_to_be_missing(made: Card) -> None:
    rows = {row["ref"]: row for row in made.section("map-eu-ai-act").rows}
    assert "no such entry in this ledger yet" in rows["Art. 14(4)(e)"]["state"]
    assert rows["Art. 17"]["state"] == "not covered" and "entry:adopt (2)" in rows["Art. 12"]["evidence"]
    assert "legal advice" in made.note and "legal advice" in made.section("map-eu-ai-act").words[0]
