"""What an entry on an exchange between engines may say."""

from __future__ import annotations

from typing import Any

import pytest

from selfproof.archive.state import State
from selfproof.audit import CHECKS
from selfproof.audit.comparing import Wrong
from selfproof.ledger import Leaf

LEFT: dict[str, Any] = {"objective": "memory", "batch": 3, "claimed": 1, "raced": 1, "forms": ["f", "g"], "taken": []}
OVER: dict[str, Any] = {**LEFT, "claimed": 0, "raced": 0, "forms": [], "taken": [{"id": "a" * 64, "program": "b" * 32}]}
WRONG: list[dict[str, Any]] = [
    {**LEFT, "objective": "other"}, {**LEFT, "batch": 2}, {**LEFT, "claimed": -1}, {**LEFT, "claimed": True},
    {**LEFT, "claimed": 1.0}, {**LEFT, "forms": ["f"]}, {**LEFT, "forms": ["f", "g h"]}, {**LEFT, "forms": ["f", 3]},
    {**LEFT, "claimed": 0, "raced": 0, "forms": []}, {**OVER, "taken": OVER["taken"] * 65}, {**OVER, "taken": "x"},
    {**OVER, "taken": [{"id": "a" * 64, "program": "b" * 32, "score": 1.0}]},
    {**OVER, "taken": [{"id": "A" * 64, "program": "b" * 32}]},
    {**OVER, "taken": [{"id": "a" * 64, "program": "x"}]},
]  # fmt: skip


def check(body: dict[str, Any]) -> None:
    state = State(weights={"memory": 0.5}, batches={"memory": 3})
    CHECKS["exchange"](state, Leaf(9, "exchange", body, b"", ""), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [LEFT, OVER])
def test_what_an_engine_writes_is_good(body: dict[str, Any]) -> None:
    check(body)


@pytest.mark.parametrize("body", WRONG)
def test_anything_else_is_not(body: dict[str, Any]) -> None:
    with pytest.raises(Wrong):
        check(body)
