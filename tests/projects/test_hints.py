"""Calls from type hints: of the right types, growing with the size, and a clear word where that is impossible."""

from __future__ import annotations

import ast
import random
from typing import Any

import numpy as np
import pytest

from selfproof.jail import values
from selfproof.nouns import UsageError
from selfproof.projects.hints import Hints
from selfproof.projects.literals import literal, module


def call(signature: str, size: int = 40, before: str = "") -> list[Any]:
    tree = ast.parse(f"{before}\ndef f({signature}): pass")
    function = tree.body[-1]
    assert isinstance(function, ast.FunctionDef)
    made = Hints(tree, function).call(random.Random(1), size)
    values.encode(made)  # plain data, whatever it is
    return made


def test_each_hint_gives_its_type() -> None:
    made = call(
        "a: int, b: float, c: str, d: bytes, e: bool, f: None, g: list[str], h: 'tuple[int, ...]', i: dict[str, int],"
        " j: set[int], k: Optional[int], l: int | None, m: Literal['x'], n: np.ndarray, o: typing.Sequence[float],"
        " p: tuple[int, str], q: frozenset[str], r: list"
    )
    kinds = [int, float, str, bytes, bool, type(None), list, tuple, dict, set]
    assert [type(item) for item in made[:10]] == kinds
    assert type(made[10]) in (int, type(None)) and type(made[11]) in (int, type(None)) and made[12] == "x"
    assert isinstance(made[13], np.ndarray) and made[13].shape == (40,)
    assert (
        type(made[14]) is list and type(made[15][1]) is str and type(made[16]) is frozenset and type(made[17]) is list
    )
    assert all(type(item) is str for item in made[6]) and all(type(item) is int for item in made[7])


def test_names_of_types_are_followed_and_defaults_kept() -> None:
    assert all(type(row) is list for row in call("rows: Rows, much=3", before="Row = list[float]\nRows = list[Row]")[0])
    assert len(call("a: int, b=1, c: int = 2")) == 1


def test_values_grow_with_the_size() -> None:
    small, large = (len(call("a: list[int]", size)[0]) for size in (10, 4000))
    assert small <= 10 and large >= 2000
    rows = call("a: list[list[int]]", 900)[0]
    assert max(map(len, rows)) <= 30  # both sides grow, so that the whole stays in bounds


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ("a", "no type hint"),
        ("a: Order", "Order"),
        ("a: Callable[[int], int]", "Callable"),
        ("a: dict[str]", "dict"),
        ("*, a: int", "no position"),
        ("a: 'list['", "cannot be read"),
        ("a: Loop", "too deeply"),
    ],
)
def test_what_no_value_can_be_made_for(signature: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        call(signature, before="Loop = list[Loop]")
    assert "--record" in caught.value.advice()


VALUE: list[Any] = [
    None, True, 1, -(2**70), 0.1, float("nan"), float("inf"), -0.0, "a\n\"'\\é\ud7ff", b"\x00a", [1, [2]], (1,), (), {},
    {"a": (1, 2), 3: None}, {1}, set(), frozenset({"a"}), frozenset(), np.arange(6, dtype="<f4").reshape(2, 3),
    np.zeros((0, 2), dtype="|b1"), ("$new", "shop:Order", (), {"x": float("-inf")}),
]  # fmt: skip


def test_calls_are_written_as_python_and_read_back_the_same() -> None:
    text = module([VALUE, [1]], [[2]], 'Recorded while `a """quoted""" \\ command` ran.')
    space: dict[str, Any] = {}
    exec(text, space)
    assert values.encode(space["CALLS"]) == values.encode([VALUE, [1]]) and space["LONGER"] == [[2]]


def test_only_plain_data_is_written() -> None:
    with pytest.raises(UsageError, match="object is no plain data"):
        literal(object())
