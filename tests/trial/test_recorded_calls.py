"""A workload of recorded calls: splits that share no call, variants that keep lengths and types."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.jail import values
from selfproof.nouns import UsageError
from selfproof.trial.calls import hard_inputs
from selfproof.trial.recorded import VARIANTS, RecordedCalls, split_of, variant

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)
CALLS: list[list[Any]] = [[[number, 100 * number, 7], f"row {number} of 12"] for number in range(40)]


def workload(calls: list[list[Any]] = CALLS, kinds: tuple[str, ...] = ("numbers", "letters")) -> RecordedCalls:
    return type("Workload", (RecordedCalls,), {"calls": calls, "kinds": kinds, "per_input": 8})()


@pytest.mark.parametrize("kinds", [(), ("numbers", "letters", "order")])
def test_no_call_is_in_two_splits(kinds: tuple[str, ...]) -> None:
    task, seen = workload(kinds=kinds), {}
    for split in ("explore", "confirm", "report"):
        inputs = task.inputs(split, 5, 30)
        seen[split] = {values.encode(call) for part in inputs for call in part}
        assert all(split_of(call) == split for part in inputs for call in part)
        assert len(seen[split]) >= 3
    assert not seen["explore"] & seen["confirm"] and not seen["confirm"] & seen["report"]


def test_inputs_are_fresh_for_each_seed_and_the_same_for_the_same() -> None:
    task = workload()
    first, again, other = (task.inputs("confirm", seed, 3) for seed in (1, 1, 2))
    assert values.encode(first) == values.encode(again) != values.encode(other)
    assert all(len({values.encode(call) for call in part}) == len(part) == 8 for part in first)


def test_variants_reach_calls_that_were_never_recorded_and_the_pool_says_so() -> None:
    recorded = {values.encode(call) for call in CALLS}
    drawn = {values.encode(call) for part in workload().inputs("confirm", 1, 20) for call in part}
    assert drawn - recorded and drawn & recorded
    plain = {values.encode(call) for part in workload(kinds=()).inputs("confirm", 1, 20) for call in part}
    assert plain <= recorded
    pool = workload().pool("confirm")
    assert pool["variants"] == ["numbers", "letters"]
    assert pool["recorded_calls"] == sum(split_of(call) == "confirm" for call in CALLS)


def shape(value: Any) -> Any:
    """Types and lengths, nothing else."""
    if isinstance(value, dict):
        return ["dict", [(key, shape(item)) for key, item in value.items()]]
    if isinstance(value, list | tuple):
        return [type(value).__name__, sorted(map(repr, map(shape, value)))]
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape]
    return [type(value).__name__, len(value) if isinstance(value, str | bytes) else 0]


@settings(max_examples=80, deadline=None)
@given(st.lists(VALUES, max_size=3), st.sampled_from(sorted(VARIANTS)), st.integers(0, 2**31))
def test_a_variant_keeps_lengths_and_types(call: list[Any], kind: str, seed: int) -> None:
    before = values.encode(call)
    changed = variant(call, kind, random.Random(seed))
    assert shape(changed) == shape(call)
    assert values.encode(call) == before  # the recorded call itself stays
    assert values.encode(variant(call, kind, random.Random(seed))) == values.encode(changed)


def test_what_is_equal_in_a_call_stays_equal() -> None:
    edges, names = [[(1234, 5678), (5678, 9012)], ["ann", "bob", "ann"]], [["ab 12"], "ab"]
    (a, b), (c, d) = variant(edges, "numbers", random.Random(3))[0]
    assert b == c and len({a, b, d}) == 3 and (a, d) != (1234, 9012)
    texts, word = variant(names, "letters", random.Random(4))
    assert texts[0].startswith(word) and word != "ab"


def test_arrays_keep_their_values_and_objects_their_class() -> None:
    array = np.arange(12.0).reshape(3, 4)
    changed = variant([array, ("$new", "shop:Order", (), {"price": 123})], "numbers", random.Random(1))
    assert sorted(changed[0].ravel()) == sorted(array.ravel()) and changed[0].shape == (3, 4)
    assert changed[1][:2] == ("$new", "shop:Order") and len(str(changed[1][3]["price"])) == 3


def test_hostile_calls_leave_an_object_its_class_and_its_attributes() -> None:
    order = ("$new", "shop:Order", (), {"price": 123, "items": ["tea"]})
    for call in hard_inputs([[order, 5]], random.Random(1), 300):
        found = call[0]
        if isinstance(found, tuple) and found[:1] == ("$new",):
            assert found[1] == "shop:Order" and set(found[3]) == {"price", "items"}


def test_a_workload_that_cannot_serve_says_so() -> None:
    with pytest.raises(UsageError, match="no calls"):
        workload([]).inputs("explore", 1, 1)
    with pytest.raises(UsageError, match="variant"):
        workload(kinds=("colours",)).inputs("explore", 1, 1)
    lonely = [call for call in CALLS if split_of(call) == "explore"]
    with pytest.raises(UsageError, match="confirm split"):
        workload(lonely, ()).inputs("confirm", 1, 1)
