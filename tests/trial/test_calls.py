"""Hard inputs: varied, repeatable, sendable; and what counts as the same transcript."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from selfproof.jail import harness, values
from selfproof.trial.calls import encode_calls, hard_inputs, same

RECORDED: list[list[Any]] = [
    [[1, 2, 3], "word", 4],
    [[0.5, 1.5], "", 1],
    [[["a", "b"], ["c"]], "x y", {"k": [1, 2]}],
    [(1, 2), "\u00e9", None],
]


def flat(value: object) -> list[object]:
    if isinstance(value, dict):
        return [value, *(part for pair in value.items() for item in pair for part in flat(item))]
    if isinstance(value, list | tuple | set | frozenset):
        return [value, *(part for item in value for part in flat(item))]
    return [value]


def made(n: int = 3000, seed: int = 1) -> list[list[Any]]:
    return [args for args in hard_inputs(RECORDED, random.Random(seed), n) if not cyclic(args)]


def cyclic(value: object, above: tuple[int, ...] = ()) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return id(value) in above or any(cyclic(item, (*above, id(value))) for item in inner)


def test_repeatable_and_harmless_to_what_was_recorded() -> None:
    before = repr(RECORDED)
    first = encode_calls(hard_inputs(RECORDED, random.Random(7), 200))
    assert first == encode_calls(hard_inputs(RECORDED, random.Random(7), 200))
    assert first != encode_calls(hard_inputs(RECORDED, random.Random(8), 200))
    assert repr(RECORDED) == before


def test_number_of_arguments_and_of_lists() -> None:
    assert [len(args) for args in hard_inputs(RECORDED, random.Random(0), 500)] == [3] * 500
    assert hard_inputs(RECORDED, random.Random(0), 0) == []
    assert hard_inputs([[]], random.Random(0), 2) == [[], []]
    with pytest.raises(ValueError, match="record at least one"):
        hard_inputs([], random.Random(0), 1)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda part: isinstance(part, float) and math.isnan(part),
        lambda part: part == math.inf,
        lambda part: part == 0 and isinstance(part, float) and math.copysign(1, part) < 0,
        lambda part: part is True,
        lambda part: part is None,
        lambda part: type(part) is int and abs(part) > 2**64,
        lambda part: type(part) is str and any(ord(letter) > 0xFFFF for letter in part),
        lambda part: type(part) is str and "\u0301" in part,
        lambda part: part == [] and type(part) is list,
        lambda part: part == "",
        lambda part: isinstance(part, list) and len({type(item) for item in part}) > 2,
        lambda part: isinstance(part, list) and any(isinstance(item, list) for item in part),
        lambda part: isinstance(part, list) and len({repr(item) for item in part}) < len(part),
        lambda part: isinstance(part, tuple),
    ],
)
def test_every_kind_of_trouble_is_there(wanted: Any) -> None:
    with_it = sum(any(wanted(part) for part in flat(args)) for args in made())
    assert with_it >= 15


def shared(args: list[Any]) -> bool:
    lists = [part for part in flat(args) if isinstance(part, list | dict)]
    return len({id(part) for part in lists}) < len(lists)


def test_sharing_is_made_and_survives_sending() -> None:
    chosen = [args for args in made() if shared(args)]
    assert len(chosen) > 30
    sent: Any = values.decode(encode_calls(chosen))
    assert all(shared(harness.unpack(call)) for call in sent)


def test_everything_can_be_sent() -> None:
    sent: Any = values.decode(encode_calls(hard_inputs(RECORDED, random.Random(3), 2000)))
    assert len(sent) == 2000


def test_same_is_equality_of_bytes() -> None:
    assert same(b"abc", b"abc")
    assert not same(b"abc", b"abd")
    assert not same(b"", b"")
