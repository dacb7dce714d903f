"""Who calls whom, as a program in the jail records it; and what of that is believed."""

from __future__ import annotations

from typing import Any

import pytest

from selfproof.jail import Limits, Outcome, Pool, values
from selfproof.observe import profile

PROGRAM = """
def main(n):
    return slow(n) + twice(n)

def twice(n):
    return slow(n) + slow(n)

def slow(n):
    total = 0
    for i in range(n):
        total += i * i
    return total

def down(n):
    return 0 if n == 0 else 1 + up(n - 1)

def up(n):
    return 0 if n == 0 else 1 + down(n - 1)

def again(n):
    return 0 if n == 0 else 1 + again(n - 1)
"""
FILES = {"a.py": PROGRAM}


@pytest.fixture(scope="module")
def pool() -> Any:
    with Pool(1) as made:
        yield made


def tree(pool: Pool, function: str, given: int) -> list[list[Any]]:
    (outcome,) = pool.map([profile.profile_job(FILES, f"a.py:{function}", given, Limits(), tree=True)])
    assert outcome.status == "ok", outcome
    return profile.call_tree(outcome, FILES)


def test_the_tree_says_who_calls_whom_and_how_long_it_takes(pool: Pool) -> None:
    rows = tree(pool, "main", 60_000)
    stacks: list[tuple[str, ...]] = []
    for parent, name, _, _ in rows:
        stacks.append((*(stacks[parent] if parent >= 0 else ()), name.partition(":")[2]))
    calls = dict(zip(stacks, (row[2] for row in rows), strict=True))
    assert calls == {("main",): 1, ("main", "slow"): 1, ("main", "twice"): 1, ("main", "twice", "slow"): 2}
    own = dict(zip(stacks, (row[3] for row in rows), strict=True))
    assert own["main", "twice", "slow"] > own["main", "slow"] > own["main",] + own["main", "twice"]


def test_recursion_has_an_end(pool: Pool) -> None:
    assert [row[1:3] for row in tree(pool, "again", 500)] == [["a.py:again", 1]], "a function within itself is one box"
    assert 1 <= len(tree(pool, "down", 400)) <= 65


def test_without_the_wish_nothing_is_recorded(pool: Pool) -> None:
    (outcome,) = pool.map([profile.profile_job(FILES, "a.py:main", 10, Limits())])
    assert profile.call_tree(outcome, FILES) == [] and profile.called(outcome, FILES)


GOOD = [[-1, "a.py:main", 1, 0.5], [0, "a.py:slow", 2, 0.25]]


@pytest.mark.parametrize("forged", [
    [[0, "a.py:main", 1, 0.5]], [[-1, "a.py:main", 1, 0.5], [1, "a.py:slow", 1, 0.1]], [[-2, "a.py:main", 1, 0.5]],
    [[-1, "b.py:main", 1, 0.5]], [[-1, "a.py:<script>", 1, 0.5]], [[-1, "a.py:" + "x" * 400, 1, 0.5]],
    [[-1, "a.py:main", -1, 0.5]], [[-1, "a.py:main", True, 0.5]], [[-1, "a.py:main", 1, float("nan")]],
    [[-1, "a.py:main", 1, -0.5]], [[-1, "a.py:main", 1]], ["row"], "tree", [GOOD[0]] * 1001,
])  # fmt: skip
def test_what_no_run_of_this_program_gives_is_not_drawn(forged: Any) -> None:
    def outcome(rows: Any) -> Outcome:
        return Outcome("ok", (values.encode({"hot": [], "tree": rows}),), None, (0.1,), 0.1, 1.0, "", "jail", ())

    assert profile.call_tree(outcome(GOOD), FILES) == GOOD
    assert profile.call_tree(outcome(forged), FILES) == []
