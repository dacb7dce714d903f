"""Objects as plain data and back: the same object, by value; nothing that is not data gets through."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import re
import threading
from typing import Any

import pytest

from selfproof.jail import values
from selfproof.templates.function.program import selfproof_objects as objects


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Order:
    price: int
    items: list[Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int


class Careful:
    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.secret = 5

    def __getstate__(self) -> dict[str, int]:
        return {"kept": self.secret}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.secret = state["kept"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Careful) and other.secret == self.secret


Pair = collections.namedtuple("Pair", "a b")


class Shelf(dict):
    pass


SOME = [
    decimal.Decimal("1.5"), datetime.date(2020, 1, 2), fractions.Fraction(1, 3), Colour.RED, Order(3, [Point(1)]),
    Point(2), Careful(), Pair(1, [2]), Shelf(a=1), range(3), slice(1, 2), 1j, bytearray(b"x"),
    collections.Counter("aab"),
    collections.deque([1, 2], 3), collections.OrderedDict(a=1), collections.defaultdict(list, {1: [2]}),
    re.compile("a+"),
    len, str.lower, Order, ("$new", 1), ("$name",), {Point(1): [Order(1, [])]}, [(Point(3), {4})],
]  # fmt: skip


@pytest.mark.parametrize("value", SOME, ids=lambda value: type(value).__name__)
def test_there_and_back(value: Any) -> None:
    plain = objects.to_plain(value)
    sent = values.decode(values.encode(plain))  # plain data through and through
    back = objects.from_plain(sent)
    assert type(back) is type(value) and back == value
    assert objects.holds_objects(plain)


def test_what_holds_no_object_stays_the_same_object() -> None:
    value = [1, {"a": (2, [3])}]
    assert objects.from_plain(value) is value and not objects.holds_objects(value)


@pytest.mark.parametrize(
    "value",
    [lambda x: x, threading.Lock(), (x for x in [1]), open, functools.partial(lambda: 1), type("Local", (), {})()],
    ids=["lambda", "lock", "generator", "open", "partial", "instance of a local class"],
)
def test_what_is_no_data_is_refused(value: Any) -> None:
    if value is open:  # a function with a name goes by its name, nothing is called
        assert objects.to_plain(value) == ("$name", "io:open")
        return
    with pytest.raises((TypeError, AttributeError)):
        objects.to_plain([value])


def test_a_generator_that_is_refused_was_not_used_up() -> None:
    given = iter([1, 2])
    objects.to_plain([given])
    assert list(given) == [1, 2]
