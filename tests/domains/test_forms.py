"""What was tried: an ordered set in little room."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from selfproof.domains.forms import Tried

names = st.one_of(
    st.integers(0, 60).map(lambda n: f"{n * 3:016x}"), st.sampled_from(["a", "b", "", "0" * 15, "F" * 16])
)


@given(st.lists(names, max_size=40, unique=True), st.lists(names, max_size=120), st.integers(1, 9))
def test_it_is_the_set_that_a_dict_would_be(before: list[str], then: list[str], newest: int) -> None:
    tried, plain = Tried(before, newest=newest), dict.fromkeys(before)
    for form in then:
        tried.add(form)
        plain.setdefault(form, None)
        assert tried.told() == [*plain][-newest:] and len(tried) == len(plain)
    assert all(form in tried for form in plain)
    assert not any(f"{n * 3 + 1:016x}" in tried for n in range(60))


def test_a_long_life_takes_little_room() -> None:
    tried = Tried((f"{n:016x}" for n in range(100_000)), newest=64)
    assert len(tried) == 100_000 and sys.getsizeof(tried._older) < 8 * 100_000 + 100
