"""What an improver's answer may say beside its edits."""

from __future__ import annotations

from typing import Any

from selfproof.jail import values
from selfproof.propose.jailed import receive


class Answered:
    """An outcome with one answer."""

    status, message, cpu_seconds = "ok", None, 0.0

    def __init__(self, rows: Any) -> None:
        self.outputs = [values.encode(rows)]


def test_an_edit_may_name_its_family_in_a_short_text() -> None:
    row = {"files": {"m.py": "x = 1"}, "title": "t", "operator": "o", "parent": "p"}
    families: list[Any] = ["one", "f" * 1000, None, 3]
    rows = [row, *({**row, "family": family} for family in families)]
    outcome: Any = Answered(rows)
    found = receive(outcome, "name", 9, ("*.py",))
    assert [edit.family for edit in found.edits] == ["", "one", "f" * 40, ""]
    assert found.malformed == 1
