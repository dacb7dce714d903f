"""What a person weighs before they sign."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from selfproof.archive.state import Confirming, State
from selfproof.viewing import weighing


def test_a_package_has_its_version_and_licence_or_says_that_neither_is_known() -> None:
    assert weighing.licensed("math") == {"name": "math", "version": "Python's own", "licence": "PSF-2.0"}
    known = weighing.licensed("click")
    assert known["version"] and "BSD" in str(known["licence"])
    assert weighing.licensed("left_pad_of_nobody") == {"name": "left_pad_of_nobody", "version": None, "licence": None}


def test_functions_are_named_whose_code_is_another() -> None:
    before = "def a():\n    return 1\n\n\ndef b():\n    return 2\n\n\nX = 1\n"
    assert weighing.functions_changed(before, before.replace("return 2", "return 3").replace("X = 1", "X = 2")) == ["b"]
    assert weighing.functions_changed(before, "def a():\n    return 1  # same\n") == ["b"]
    assert weighing.functions_changed(before, "def a(:\n") == ["a", "b"]


def test_a_linter_says_what_is_new_and_its_absence_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = {"a.py": "import pickle\nx = pickle.loads(b'')\n"}
    after = {"a.py": before["a.py"] + "y = eval('1')\n"}
    found = weighing.linted(before, after, ["a.py"])
    assert found is not None and len(found) == 1 and "S307" in found[0]
    monkeypatch.setattr(weighing.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert weighing.linted(before, after, ["a.py"]) is None


def test_who_signed_how_much_lately() -> None:
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
    state = State()
    for number in range(4):
        at = (now - datetime.timedelta(hours=10 * number)).isoformat()
        one: dict[str, Any] = {"by": "alice", "decision": "approve" if number else "reject", "at": at}
        state.confirmations[number] = Confirming(number, "a", {}, approvals=[one, one])
    assert weighing.signed_lately(state, now) == {"alice": 2}, "a day, each change once, and no rejection"
