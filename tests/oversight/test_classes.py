"""Classes of change are decided from the files alone, against the version before and the one that people signed."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from selfproof.charter import CLASSES, Charter, parse
from selfproof.oversight import approvals, classes, facts

CHARTER = parse(
    """
[program]
editable = ["*"]
[[objective]]
name = "a"
task = "t.py:T"
entry = "a.py:f"
metric = "m"
better = "lower"
kind = "quality"
files = ["*"]
[classes]
dependencies = "forbid"
improver = 2
[proposers]
improver = "improver.py:propose"
prompt = "ask.py"
"""
)
FIRST = {
    "a.py": "import math\nSTEP = 0.5\ndef f(x):\n    return math.sin(x) * STEP\n",
    "improver.py": "import tools.pick\ndef propose(view):\n    return tools.pick.best(view)\n",
    "tools/__init__.py": "", "tools/pick.py": "from . import rank\ndef best(view):\n    return []\n",
    "rank.py": "ORDER = 1\n", "ask.py": "WORDS = 'think'\n", "notes.md": "Think.\n",
}  # fmt: skip


def of(
    changes: dict[str, str], approved: dict[str, str] | None = None, before: dict[str, str] | None = None
) -> set[str]:
    start = before or FIRST
    return set(classes.of_edit(start, {**start, **changes}, approved or FIRST, CHARTER))


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("a.py", FIRST["a.py"].replace("0.5", "0.7"), {"constants"}),
        ("a.py", FIRST["a.py"].replace("sin", "cos"), {"code"}),
        ("a.py", FIRST["a.py"] + "import socket\n", {"code", "dependencies"}),
        ("a.py", FIRST["a.py"] + "def g():\n    from os import path\n", {"code", "dependencies"}),
        ("a.py", "def f(x:\n", {"code"}),
        ("a.py", FIRST["a.py"] + "# " + "x" * 400, {"constants", "size"}),
        ("notes.md", "Think harder.\n", {"prompts"}),
        ("ask.py", "WORDS = 'think twice'\n", {"prompts"}),
        ("improver.py", FIRST["improver.py"].replace("view)", "view) * 1"), {"code", "improver"}),
        ("tools/pick.py", FIRST["tools/pick.py"].replace("[]", "[view]"), {"code", "improver"}),
        ("rank.py", "ORDER = 2\n", {"constants", "improver"}),
        ("requirements-dev.txt", "left-pad\n", {"prompts", "dependencies"}),
        ("sub/pyproject.toml", "[project]\n", {"code", "dependencies"}),
        ("new.py", "X = 1\n", {"code"}),
        ("a.py", FIRST["a.py"], set()),
    ],
)  # fmt: skip
def test_what_a_change_is(path: str, text: str, wanted: set[str]) -> None:
    assert of({path: text}) == wanted


def test_an_edit_that_brings_a_module_into_the_improver_is_of_its_class() -> None:
    assert "improver" in of({"improver.py": "import a\n" + FIRST["improver.py"]})
    after = {**FIRST, "improver.py": "import a\n" + FIRST["improver.py"]}
    assert "improver" in of({"a.py": FIRST["a.py"] + "X = 2\n"}, approved=after, before=after)


def test_ten_small_steps_are_one_large_change() -> None:
    """Each grows by a tenth: none is large against the one before it, the last are against the one that was signed."""
    before, seen = FIRST, []
    for n in range(10):
        after = {**before, "a.py": before["a.py"] + f"# {n}" + "x" * (sum(map(len, FIRST.values())) // 10) + "\n"}
        seen.append("size" in classes.of_edit(before, after, FIRST, CHARTER))
        assert "size" not in classes.of_edit(before, after, before, CHARTER)
        before = after
    assert seen[:4] == [False] * 4 and seen[-1] is True and sorted(seen) == seen
    shorter = {**before, "a.py": FIRST["a.py"] * 2}
    assert "size" not in classes.of_edit(before, shorter, FIRST, CHARTER), "what shrinks does not grow"


def test_a_constant_in_code_that_nobody_signed_is_no_mere_constant() -> None:
    step = {**FIRST, "a.py": FIRST["a.py"].replace("sin", "cos")}
    later = {"a.py": step["a.py"].replace("0.5", "0.6")}
    assert of(later, before=step) == {"constants", "code"} and of(later, before=step, approved=step) == {"constants"}


def test_a_package_that_came_in_beside_another_change_is_still_new_to_those_who_sign() -> None:
    step = {**FIRST, "a.py": FIRST["a.py"] + "import socket\n"}
    assert "dependencies" in of({"a.py": step["a.py"].replace("0.5", "0.6")}, before=step)
    assert "dependencies" not in of({"a.py": step["a.py"].replace("0.5", "0.6")}, before=step, approved=step)


def test_what_the_charter_asks_for() -> None:
    assert classes.forbidden(CHARTER, ["code", "dependencies"]) == "dependencies"
    assert (
        classes.forbidden(CHARTER, ["code", "improver"]) is None and classes.forbidden(CHARTER, ["colour"]) == "colour"
    )
    assert (
        classes.signatures(CHARTER, ["code"], asked=False) == 0
        and classes.signatures(CHARTER, ["code"], asked=True) == 1
    )
    assert classes.signatures(CHARTER, ["code", "improver"], asked=False) == 2
    assert [CHARTER.classes.needs(name) for name in CLASSES].count("free") == len(CLASSES) - 2


def test_classes_of_another_charter() -> None:
    def of_text(text: str, **says: Any) -> tuple[str, ...]:
        said: dict[str, Any] = {"tasks": {"t.py": "1"}, "approvers": None}
        other: Charter = parse(text)
        return classes.of_charter(CHARTER, other, said, {**said, **says})

    assert of_text(CHARTER.text) == () and of_text(CHARTER.text, tasks={"t.py": "2"}) == ("objective",)
    assert of_text(CHARTER.text.replace('"lower"', '"higher"')) == ("objective", "charter")
    assert of_text(CHARTER.text.replace("improver = 2", "improver = 1")) == ("charter",)
    assert of_text(CHARTER.text, approvers={"$blob": "1"}) == ("charter",)


def test_facts_are_counted_from_the_files() -> None:
    before = {"tests/test_a.py": "def test_one():\n    pass\n\ndef test_two():\n    pass\n", "a.py": "x = 1\n"}
    after = {"tests/test_a.py": "def test_one():\n    pass\n", "a.py": "x = 2\nif x:\n    x = [y for y in (1, 2)]\n"}
    assert facts.tests_removed(before, after) == ["tests/test_a.py:test_two"]
    assert facts.branches_in(after) - facts.branches_in(before) == 1, "two came, and a function went"
    assert (facts.new_lines(before, after), facts.new_lines(after, before)) == (3, 4)
    assert "effect" not in facts.of_confirmation(3, 0, {"kind": "difference"}, 9)


def test_the_logs_own_key_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    """The log's key as a public key of OpenSSH's has the fingerprint that approvals are checked for."""
    key = bytes(range(200, 232))
    wire = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", key))
    (tmp_path / "key.pub").write_text(f"ssh-ed25519 {base64.b64encode(wire).decode()} log\n")
    vkey = f"name+0123abcd+{base64.b64encode(bytes([1]) + key).decode()}"
    assert "+" in vkey.split("+", 2)[2], "base64 may hold what separates the fields"
    done = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
    assert approvals.fingerprint(vkey) == done.stdout.split()[1]
