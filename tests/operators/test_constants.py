"""Edits of a whole file's constants: which they find, what they leave alone, and that nothing else changes."""

from __future__ import annotations

import ast
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.operators import EditImpossible, edit_function, size
from selfproof.operators.anatomy import anatomy
from selfproof.operators.constants import constants_of, moved

SCRIPT = '''"""A script, version 5."""
import os
import numpy as np

LR = 0.1   # learning rate
SEED = 3
CONFIG = {"momentum": 0.9, "hidden": 32, "seed": 4, "nesterov": False}


class Model:
    layers: int = 2


def train(steps=300, *, decay=0.0):
    rng = np.random.default_rng(42)
    other = int(os.environ.get("SEED", 7))
    for step in range(steps):
        weight = data[0, 1] * -0.5
        if step % 100 == 0: print(f"{step:5d} {weight:.4f}", 8)
    "ümläut"; beta = 0.999
    match step:
        case 9: return 1.0 - beta
    return parser.add_argument("--seed", default=11)


train(decay=1e-4)
'''
NAMES = {"LR", "momentum", "hidden", "nesterov", "layers", "steps", "decay", "weight", "beta"}


def values(source: str) -> list[object]:
    return [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]


def test_settings_are_found_by_name_and_seeds_indices_and_prints_are_left_alone() -> None:
    found = constants_of(SCRIPT)
    assert {place.name for place in found} - {""} == NAMES
    assert {3, 4, 7, 8, 9, 11, 42} & {place.value for place in found} == set()
    weights = {place.name: place.weight for place in found}
    assert weights["LR"] > weights["weight"], "a setting is chosen more often than a number in an expression"


def test_an_edit_changes_a_constants_own_characters_and_nothing_else() -> None:
    for seed in range(60):
        new, title = edit_function(SCRIPT, "", "constant", random.Random(seed), repeat=1 + seed % 2)
        assert new != SCRIPT and title
        blank = re.compile(r"(?<![\w\"])(?:-?\d[\d.e-]*|True|False)(?![\w\"])")
        assert blank.sub("#", new) == blank.sub("#", SCRIPT), title
        before, after = values(SCRIPT), values(new)
        changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b or type(a) is not type(b)]
        assert 1 <= len(changed) <= 2
        assert all(type(a) is type(b) for a, b in changed), "an integer stays one"


def test_crossover_takes_over_constants_of_the_same_structure_only() -> None:
    other = SCRIPT.replace("0.1 ", "0.7 ").replace('"hidden": 32', '"hidden": 64')
    taken = set()
    for seed in range(30):
        new, _ = edit_function(SCRIPT, "", "crossover", random.Random(seed), other=other)
        taken.add((0.7 in values(new), 64 in values(new)))
    assert taken == {(True, False), (False, True), (True, True)}
    for worse in (SCRIPT, SCRIPT + "more = 1\n"):
        with pytest.raises(EditImpossible):
            edit_function(SCRIPT, "", "crossover", random.Random(1), other=worse)
    with pytest.raises(EditImpossible, match="needs a function"):
        edit_function(SCRIPT, "", "wrap", random.Random(1))


def test_only_marked_blocks_are_touched_where_a_file_has_any() -> None:
    marked = "A = 1.0\n# EVOLVE-BLOCK-START\nB = 2.0\n# EVOLVE-BLOCK-END\nC = 3.0\n"
    assert [place.name for place in constants_of(marked)] == ["B"]
    assert constants_of("A = 1.0\n# EVOLVE-BLOCK-START\nB = 2.0\n") == [], "an open block is none"


@given(st.one_of(st.booleans(), st.integers(0, 10**9), st.floats(0, 1e12)), st.integers(0, 2**32))
def test_a_moved_constant_is_another_of_its_kind_finite_and_of_the_same_sign(value: float, seed: int) -> None:
    new = moved(value, random.Random(seed))
    assert type(new) is type(value) and (new != value or value == 0.0)
    assert isinstance(value, bool) or 0 < new < 1e300
    if isinstance(value, float) and 0.5 < value < 1.0 and new < 1.0:
        assert new > 0.0


def test_a_rate_just_below_one_moves_by_its_distance_to_one() -> None:
    moves = [moved(0.999, random.Random(seed)) for seed in range(200)]
    assert sum(0.99 < move < 1.0 and move != 0.999 for move in moves) > 40


def test_anatomy_and_size_of_a_whole_file() -> None:
    form, structure, nodes = anatomy(SCRIPT, "")
    other = anatomy(SCRIPT.replace("0.1 ", "0.2 "), "")
    assert other[0] != form and other[1] == structure and other[2] == nodes == size(SCRIPT, "") > 30
