"""Smaller versions of a function: what one step can take away, and that nothing else changes."""

from __future__ import annotations

import ast

import pytest

from selfproof.operators import size
from selfproof.operators.simplify import smaller

START = '''import numpy as np


def helper(x):  # stays
    return x * 1.0


def f(a, b):
    """Doc."""
    # kept
    {body}
'''


def steps(body: str) -> list[str]:
    """The bodies that are one step smaller, each as normal text."""
    source = START.format(body=body.replace("\n", "\n    "))
    return [ast.unparse(ast.parse(new).body[-1].body[1:]) for new in smaller(source, "f")]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("x = b * 2\nreturn a", "return a"),
        ("return a * 1.0", "return a"),
        ("return 0.0 + a", "return a"),
        ("return np.where(a > b, a, a)", "return a"),
        ("return a if b else a", "return a"),
        ("return a.astype(float).astype(float)", "return a.astype(float)"),
        ("return float(float(a))", "return float(a)"),
        ("return a * (2.0 * 3)", "return a * 6.0"),
        ("return a + (1 - 3)", "return a + -2"),
        ("return np.sqrt(np.abs(a))", "return np.sqrt(a)"),
        ("return helper(a, b)", "return helper(a)"),
        ("return helper(a, scale=b)", "return helper(a)"),
        ("if b:\n    x = a\nelse:\n    x = a\nreturn x", "x = a\nreturn x"),
        ("for i in b:\n    a = a\n    x = i\nreturn a", "for i in b:\n    a = a\nreturn a"),
        ("a += 0\nreturn a", "return a"),
    ],
)
def test_what_one_step_takes_away(body: str, wanted: str) -> None:
    assert wanted in steps(body)


def test_every_step_is_smaller_parses_and_touches_the_function_alone() -> None:
    source = START.format(body="x = a * 2  # why\n    if x:\n        a = b\n    return np.maximum(x, a) + 0.1 * 3")
    found = smaller(source, "f")
    assert len(found) == len(set(found)) > 10
    sizes = [size(new, "f") for new in found]
    assert sizes == sorted(sizes) and max(sizes) < size(source, "f")
    head = source.partition("    # kept")[0]
    assert all(new.startswith(head) and "# kept" in new for new in found)
    assert any("x = a * 2  # why" in new for new in found), "text that no step touched stays as it is"
    assert all(isinstance(ast.parse(new).body[-1].body[-1], ast.Return) for new in found)  # type: ignore[attr-defined]


def test_folding_is_what_python_would_compute() -> None:
    for text, value in {
        "0.1 + 0.2": 0.1 + 0.2,
        "7 / 3": 7 / 3,
        "1e308 * 0.1": 1e308 * 0.1,
        "0.1 - 0.3": 0.1 - 0.3,
    }.items():
        assert f"return a * {value!r}" in steps(f"return a * ({text})")
    assert all("inf" not in step for step in steps("return a * (1e308 * 1e308)"))
    assert steps("return a * (1 / 0)"), "what cannot be folded can still go"


@pytest.mark.parametrize(
    "source",
    [
        "def f(a): return a * 1",
        "def g(a):\n    return a * 1\n",
        "def f(a:\n",
        "def f(a):\n    b = a; return b\n",
        "def f(a):\n    pass\n",
        "",
        "x = 1\n",
    ],
)
def test_what_it_cannot_take_apart_has_no_steps(source: str) -> None:
    assert smaller(source, "f") == []
