"""docs/controls.md: all 43 rows, each with tests that exist, or with what is not covered."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from selfproof.reports import controls

ROOT = Path(__file__).resolve().parents[2]


@cache
def named_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_all_43_are_there_and_the_page_is_written_from_them() -> None:
    assert [one.id for one in controls.rows()] == [f"C{number}" for number in range(1, 44)]
    assert (ROOT / "docs" / "controls.md").read_text("utf-8") == controls.page(), "scripts/controls_page.py"


@pytest.mark.parametrize("control", controls.rows(), ids=lambda one: one.id)
def test_a_control_has_tests_that_exist_or_says_what_is_missing(control: controls.Control) -> None:
    assert control.requirement and control.source and (control.tests or control.gap)
    assert bool(control.tests) == bool(control.shown), "what is shown is tested, and what is tested is shown"
    for test in control.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), test
        assert name.startswith("test_") and name in named_in(ROOT / path), test


def test_nothing_is_left_open_without_a_reason() -> None:
    for one in controls.rows():
        assert "TODO" not in one.gap + one.shown and "|" not in one.gap + one.shown + one.requirement, one.id
