"""Where an edit changed code, as numbers and a hash: never an error, never the code."""

from __future__ import annotations

import ast
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.operators import OPERATORS, EditImpossible, edit_function
from selfproof.operators.sites import DEEPEST, LONGEST, site_of

MERGE = """import numpy as np

def merge(c, t, d, s, q, n):
    # a comment
    return (c + 1.0) / (t + 97.0)

def other(x):
    return x + 1.0
"""


@pytest.mark.parametrize(
    ("old", "new", "kind", "ratio"),
    [
        ("97.0", "48.5", "Constant", -math.log(2)),
        ("97.0", "-97.0", "Constant", 0.0),
        ("97.0", "0.0", "Constant", None),
        ("t + 97.0", "t", "BinOp", None),
        ("(c + 1.0) / (t + 97.0)", "np.log1p(c)", "BinOp", None),
        ("    return (c", "    x1 = c * q\n    return (c", "several", None),
        ("# a comment", "# another comment", "several", None),
    ],
)
def test_the_site_is_the_smallest_node_that_holds_all_of_the_change(
    old: str, new: str, kind: str, ratio: float | None
) -> None:
    site = site_of(MERGE, MERGE.replace(old, new))
    assert site.kind == kind
    assert site.ratio == (None if ratio is None else pytest.approx(ratio))


def test_depth_and_sizes_are_those_of_the_site() -> None:
    site = site_of(MERGE, MERGE.replace("97.0", "t * q"))
    assert (site.kind, site.before, site.after) == ("Constant", 1, 3)
    assert site.depth == 5  # function, statement, division, sum, number


def test_one_idea_has_one_name_whatever_the_variables_are_called() -> None:
    here = site_of(MERGE, MERGE.replace("t + 97.0", "t + 97.0 * t"))
    there = site_of("def f(u):\n    return u + 97.001\n", "def f(u):\n    return u + 97.001 * u\n")
    elsewhere = site_of("def f(u):\n    return u + 97.0\n", "def f(u):\n    return u - 97.0 * u\n")
    assert here.idea == there.idea != elsewhere.idea


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_texts_have_a_site(one: str, two: str) -> None:
    site = site_of(one, two)
    assert len(site.idea) == 16
    assert site.ratio is None or math.isfinite(site.ratio)


@given(st.integers(0, 10_000), st.sampled_from(sorted(OPERATORS)), st.integers(1, 3))
def test_every_operators_edit_has_a_site_of_its_own(seed: int, operator: str, repeat: int) -> None:
    try:
        new, _ = edit_function(MERGE, "merge", operator, random.Random(seed), repeat=repeat)
    except EditImpossible:
        return
    site, back = site_of(MERGE, new), site_of(new, MERGE)
    assert (site.before, site.after, site.depth) == (back.after, back.before, back.depth)
    assert (site.before + site.after > 0) == (ast.dump(ast.parse(new)) != ast.dump(ast.parse(MERGE)))


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 5000 + ")" * 5000,
        "x = " + "-" * 3000 + "1",
        "x = " + "+".join("y" * 4000),
        "\0",
        "x=1\n" * LONGEST,
    ],
    ids=["brackets", "signs", "sum", "nul", "long"],
)
def test_hostile_sources_are_bounded_and_raise_nothing(text: str) -> None:
    for one, two in ((text, MERGE), (MERGE, text), (text, text.replace("x", "z"))):
        assert site_of(one, two).depth <= DEEPEST
