"""What reads a whole log fast gives the same answers as what it stands for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.ledger import fast, statement
from selfproof.ledger.statement import Leaf

REFERENCE = {"$blob": "ab" * 32}
TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["$blob", '"$blob"', '{"$blob":"' + "ab" * 32 + '"}', "ab" * 32])
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), TEXTS, st.just(REFERENCE))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)


def answer(read: Any, argument: Any) -> Any:
    try:
        found = read(argument)
        return sorted(found) if read in {fast.blobs, slow} else repr(found)
    except ValueError:
        return ValueError


def slow(leaf: Leaf) -> Any:
    return list(statement.blobs_of(leaf.body))


@given(VALUES)
def test_references_are_the_same_ones(value: Any) -> None:
    body = {"value": value}
    try:
        raw = statement.canonical(body)
    except ValueError:
        return
    leaf = Leaf(0, "kind", body, raw, "")
    assert answer(fast.blobs, leaf) == answer(slow, leaf)


@given(VALUES, st.integers(0, 200), st.sampled_from([b"", b" ", b"0", b"e5", b'"', b"\\u0041", b"\xff", b"-0", b".0"]))
def test_documents_are_the_same_ones_damaged_or_not(value: Any, place: int, damage: bytes) -> None:
    try:
        raw = statement.canonical(value)
    except ValueError:
        return
    damaged = raw[:place] + damage + raw[place:]
    assert answer(fast.document, damaged) == answer(statement.document, damaged)


@pytest.mark.parametrize(
    "raw", [b"1e16", b"1e+16", b"1E16", b"0.1", b"1e-7", b"1E-7", b"-0.0", b"NaN", b"[1,]", b'"\\/"']
)
def test_spellings_of_numbers_and_texts_are_judged_alike(raw: bytes) -> None:
    assert answer(fast.document, raw) == answer(statement.document, raw)
