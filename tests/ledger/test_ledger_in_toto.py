"""Entries are in-toto Statements: in-toto's own library reads and accepts each of a life's, and gives the same back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from selfproof.ledger import read

json_format = pytest.importorskip("google.protobuf.json_format", reason="pip install in-toto-attestation")
in_toto = pytest.importorskip("in_toto_attestation.v1.statement", reason="pip install in-toto-attestation")


def accepted(raw: bytes) -> dict[str, Any]:
    """The statement as in-toto's library read it; it raises where it refuses."""
    found = in_toto.Statement([], "", {}).pb
    json_format.Parse(raw, found)
    in_toto.Statement.copy_from_pb(found).validate()
    told: dict[str, Any] = json_format.MessageToDict(found)
    return told


def test_in_toto_accepts_every_entry_of_a_life(early: Any) -> None:
    seen = set()
    for leaf in read(early.folder / ".selfproof" / "ledger").leaves():
        own = json.loads(leaf.raw)
        assert accepted(leaf.raw) == own  # its numbers are floats, which are equal to ours
        seen.add(own["predicateType"])
    assert len(seen) > 5


@pytest.mark.parametrize("part", ["subject", "predicateType", "_type"])
def test_it_would_refuse_what_is_none(early: Any, part: str) -> None:
    own = json.loads(next(iter(read(early.folder / ".selfproof" / "ledger").leaves())).raw)
    own[part] = [] if part == "subject" else "https://example.org/other" if part == "_type" else ""
    with pytest.raises(ValueError, match=r"type|subject"):
        accepted(json.dumps(own).encode())
