"""The child's side: what `observe` notices, what `replay` and `profile` report, and that packing loses nothing."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.jail import harness, values
from selfproof.jail.harness import MODES, observe, pack, profile, replay, unpack


def told(function: Callable[..., object], calls: list[Any]) -> bytes:
    return values.encode(observe(function, {}, calls))


MEMORY: dict[str, list[int]] = {}


def remembering(items: list[int]) -> list[int]:
    return MEMORY.setdefault(str(items), list(items))


def counting(items: list[int], seen: list[int] = []) -> list[int]:  # noqa: B006
    seen.append(1)
    return [*items, len(seen) > 3]


DIFFERENT: dict[str, tuple[Callable[..., object], Callable[..., object], list[Any]]] = {
    "type of a number": (lambda x: 1, lambda x: True, [[0]]),
    "int or float": (lambda x: 1, lambda x: 1.0, [[0]]),
    "sign of zero": (lambda x: 0.0, lambda x: -0.0, [[0]]),
    "a NumPy number": (lambda x: 1.0, lambda x: np.float64(1.0), [[0]]),
    "list or tuple": (lambda x: [1], lambda x: (1,), [[0]]),
    "set or frozenset": (lambda x: {1}, lambda x: frozenset({1}), [[0]]),
    "order of a dict": (lambda x: {1: 1, 2: 2}, lambda x: {2: 2, 1: 1}, [[0]]),
    "raise or return": (lambda x: None, lambda x: x[1], [[[0]]]),
    "text of an error": (lambda x: int("a"), lambda x: int("b"), [[0]]),
    "type of an error": (lambda x: x["a"], lambda x: x[9], [[[0]]]),
    "argument changed": (lambda x: len(x) + 0, lambda x: x.append(1) or len(x) - 1, [[[1, 2]]]),
    "argument returned": (lambda x: x[:], lambda x: x, [[[1, 2]]]),
    "inner part shared": (lambda x: [x[0][:]], lambda x: x[:], [[[[1, 2]]]]),
    "results share": (lambda x: [[1], [1]], lambda x: [[1]] * 2, [[0]]),
    "arguments are one": (lambda a, b: (a.append(1), len(b))[1], lambda a, b: (a.append(1), len(a))[1], [[[], []]]),
    "a new NaN": (lambda x: x, lambda x: x * 1, [[math.nan]]),
    "remembered result": (lambda items: items[:], remembering, [[[1, 2]], [[3]]]),
    "state between calls": (lambda items: [*items, False], counting, [[[1, 2]], [[3]]]),
    "dtype": (lambda x: x, lambda x: x.astype("f4"), [[np.ones(3)]]),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_observe_notices(what: str) -> None:
    one, other, calls = DIFFERENT[what]
    assert told(one, calls) != told(other, calls)
    assert told(one, calls) == told(one, calls)


def test_aliasing_in_arguments_is_kept() -> None:
    both: list[int] = []
    result: Any = observe(lambda a, b: a.append(1) or len(b), {}, [pack([both, both]), [[], []]])
    assert [outcome["heap"][outcome["root"][1]] for outcome in result[0]] == [
        ["list", ["ok", 1, ("@", 1)]],
        ["list", ["ok", 0, ("@", 1)]],
    ]
    assert result[1] == [None, None]


@pytest.mark.parametrize("result", [iter([]), (x for x in []), object(), len, types.SimpleNamespace(a=1)])
def test_what_cannot_be_compared_is_refused(result: object) -> None:
    with pytest.raises(TypeError, match="return plain data"):
        observe(lambda x: [result], {}, [[0]])


def test_too_many_parts_are_refused() -> None:
    def doubled(depth: int) -> object:
        value: object = ()
        for _ in range(depth):
            value = (value, value)
        return value

    with pytest.raises(TypeError, match="smaller inputs"):
        observe(doubled, {}, [[40]])


def test_the_end_of_the_stack_is_an_outcome() -> None:
    def endless(x: int) -> int:
        return endless(x)

    assert told(endless, [[1]]) == told(endless, [[1]])
    assert b"RecursionError" in told(endless, [[1]])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.frozensets(st.integers()),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers())
    ),
    max_leaves=20,
)


@given(plain, plain)
def test_packing_loses_nothing(first: object, second: object) -> None:
    value = [first, second, [first, second], first]
    packed = pack(value)
    again = unpack(values.decode(values.encode(packed)))  # type: ignore[arg-type]
    assert values.encode(pack(again)) == values.encode(packed)
    assert values.encode(again) == values.encode(value)
    assert again[0] is again[3] or not isinstance(first, list | dict | set)


def test_packing_keeps_cycles_and_arrays() -> None:
    loop: list[Any] = [np.arange(3), {1.5: (math.nan,)}]
    loop.append(loop)
    again = unpack(values.decode(values.encode(pack(loop))))  # type: ignore[arg-type]
    assert again[2] is again
    again[0][0] = 7  # an argument may be written to, although what arrives is read-only


def test_replay_reports_each_call() -> None:
    assert replay(lambda a, b: a / b, {}, [[1, 2], [1, 0]]) == [
        ["ok", 0.5],
        ["raise", "ZeroDivisionError", "('division by zero',)"],
    ]


PROGRAM = """
def leaf(n, *, memo=None):
    return sum([k * k for k in range(n)])

def twice(x):
    return [leaf(x), leaf(x + 1)]

def spread(*xs):
    return len(xs)

def odd(x):
    return x

def work(value):
    for n in range(value["n"]):
        twice(n)
    spread(1, 2)
    leaf(1, memo=3)
    odd(print)
    value["n"] = 0
    return value
"""


def program() -> dict[str, types.ModuleType]:
    module = types.ModuleType("notebook")
    module.__spec__ = ModuleSpec("notebook", None, origin="notebook.py")
    exec(compile(PROGRAM, "notebook.py", "exec"), module.__dict__)
    return {"notebook": module}


def test_profile_finds_the_hot_function_and_records_its_arguments() -> None:
    modules = program()
    names = [f"notebook.py:{name}" for name in ("leaf", "spread", "odd", "absent")]
    value = {"input": {"n": 100}, "record": names, "keep": 16, "bytes": 1 << 16}
    result: Any = profile(modules["notebook"].work, modules, value)
    rows = {row[1]: row for row in result["hot"]}
    assert result["hot"][0][:3] == ["notebook.py", "leaf", 201]
    assert rows["twice"][2] == 100 and rows["work"][4] >= rows["twice"][4] >= rows["twice"][3] > 0
    assert set(rows) == {"leaf", "twice", "spread", "odd", "work"}
    kept = [args[0] for args in result["calls"]["notebook.py:leaf"]]
    assert len(kept) == 16 and max(kept) > 50, "an even sample of the run, not its beginning"
    assert [result["calls"][name] for name in names[1:]] == [[[1, 2]], [], []], "what cannot be sent is left out"
    assert values.decode(values.encode(result)) == result


def test_recording_stays_within_its_bytes() -> None:
    modules = program()
    value = {"input": {"n": 50}, "record": ["notebook.py:twice"], "keep": 64, "bytes": 100}
    result: Any = profile(modules["notebook"].work, modules, value)
    assert 0 < sum(len(values.encode(args)) for args in result["calls"]["notebook.py:twice"]) <= 100


def test_modes() -> None:
    assert set(MODES) == {"call", "replay", "observe", "profile"}
    assert harness.call(lambda x: x + 1, {}, 1) == 2
