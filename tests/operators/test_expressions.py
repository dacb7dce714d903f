"""Edits of expressions: they stay within the palette, change one function only, and follow from the seed."""

import ast
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.operators import OPERATORS, EditImpossible, edit_function, normal_form, size, size_in
from selfproof.operators.expressions import CALLS_OF_ONE, CALLS_OF_TWO

SOURCE = '''"""A module."""

import numpy as np


def merge(c, t, q):
    """One step."""
    x1 = c * 0.5  # half
    return (x1 + 1.0) / (np.sqrt(t) + 97.0)


def other(c):
    return c  # untouched
'''
SEEDS = st.integers(0, 2**32)
ALL = [*OPERATORS, "crossover"]


def edited(operator: str, seed: int, repeat: int = 1) -> tuple[str, str]:
    return edit_function(SOURCE, "merge", operator, random.Random(seed), other=SOURCE, repeat=repeat)


@pytest.mark.parametrize("operator", ALL)
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, repeat=st.integers(1, 3))
def test_only_the_function_changes_and_only_by_the_palette(operator: str, seed: int, repeat: int) -> None:
    source, title = edited(operator, seed, repeat)
    assert title
    head, tail = SOURCE.split("    x1 = ", maxsplit=1)[0], SOURCE.split("97.0)\n")[1]
    assert source.startswith(head) and source.endswith(tail)
    function = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == "merge")
    for node in ast.walk(function):
        assert not isinstance(node, ast.Import | ast.Lambda | ast.FunctionDef) or node is function
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) in {*CALLS_OF_ONE, *CALLS_OF_TWO}
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            assert node.id in {"c", "t", "q", "np", "x1", "x2", "x3", "x4"}


@pytest.mark.parametrize("operator", ALL)
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_an_edit_follows_from_its_seed(operator: str, seed: int) -> None:
    assert edited(operator, seed) == edited(operator, seed)


@pytest.mark.parametrize("operator", ["constant", "replace", "wrap", "blend", "unwrap", "insert"])
def test_most_edits_change_the_code(operator: str) -> None:
    changed = sum(normal_form(edited(operator, seed)[0]) != normal_form(SOURCE) for seed in range(40))
    assert changed >= 36


def test_a_blend_with_the_same_value_and_its_share_is_a_weighted_mean() -> None:
    """``(1 - w)*x + w*y``: the two weights sum to one, so a blend with an equal value changes nothing."""
    seen = 0
    for seed in range(200):
        source, title = edit_function("def f(x):\n    return x\n", "f", "blend", random.Random(seed))
        if title.count("*") == 2 and title.endswith("* x") and title.count("x") == 3:
            scope: dict[str, object] = {}
            exec(source, scope)
            assert scope["f"](7.0) == pytest.approx(7.0)  # type: ignore[operator]
            seen += 1
    assert seen > 20


def test_what_has_no_place_says_so() -> None:
    with pytest.raises(EditImpossible):
        edit_function("def f(x):\n    return x\n", "f", "constant", random.Random(1))
    with pytest.raises(EditImpossible):
        edit_function("def f(x):\n    return x\n", "g", "wrap", random.Random(1))
    with pytest.raises(EditImpossible):
        edit_function(SOURCE, "merge", "crossover", random.Random(1))


def test_size_counts_expressions_without_the_docstring() -> None:
    assert size("def f(x):\n    'text'\n    return x + 1\n", "f") == 3
    assert size_in(ast.parse("def f(x):\n    return x\n"), "f") == 1
