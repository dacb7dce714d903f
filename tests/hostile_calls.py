"""Hostile inputs for functions, made in another way than `trial.calls` makes them, and what a call of them shows."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from selfproof.jail import harness, values

NAN = math.nan


atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 8),
    st.sampled_from([2**63, -(2**64), 10**25, 0.0, -0.0, 1.0, 2.0, NAN, math.inf, -math.inf, 1e-320, 1e308]),
    st.sampled_from(
        ["", "a", "the", "THE", "of and", "x", "1", "0 x", "\u0130", "\U0001f600e\u0301", b"", b"a", "nan 1"]
    ),
)
flat = st.lists(atoms, max_size=5)
same_kind = st.one_of(
    st.lists(st.integers(-3, 6), max_size=6),
    st.lists(st.sampled_from(["a", "the", "b c", "", "nan"]), max_size=6),
    st.lists(st.floats(-4, 4), max_size=6),
)
odd = st.one_of(
    atoms,
    flat.map(tuple),
    st.lists(flat, max_size=3),
    st.lists(st.tuples(atoms, atoms), max_size=4),
    st.dictionaries(atoms, atoms, max_size=3),
    st.lists(atoms, max_size=4).map(lambda items: [*items, []]),
    st.frozensets(st.integers(0, 4)),
    st.sets(st.sampled_from("abx")),
)
anything = st.one_of(same_kind, same_kind, flat, odd)


@st.composite
def calls(draw: Any, arity: int) -> list[dict[str, object]]:
    """Packed calls; sometimes all arguments are one object, or one holds another."""
    made = []
    for _ in range(3):
        args = [draw(anything) for _ in range(arity)]
        shape = draw(st.integers(0, 5))
        if shape == 0:
            args = [args[0]] * arity
        elif shape == 1 and arity > 1 and isinstance(args[0], list):
            args[0].append(args[1])
        made.append(harness.pack(args))
    return made


def loaded(source: str) -> ModuleType:
    module = ModuleType("program")
    exec(compile(source, "program.py", "exec"), module.__dict__)
    return module


def transcript(module: ModuleType, name: str, given_calls: list[dict[str, object]]) -> bytes:
    return values.encode(harness.observe(getattr(module, name), {}, given_calls))
