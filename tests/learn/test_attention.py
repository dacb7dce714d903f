"""Where the next turn goes: gains count, but nothing is starved, and nothing costs the first turns their speed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.learn.attention import START_S, Attention

WEIGHTS = {"memory": 4.0, "operations": 1.0, "training": 1.0, "puzzles": 1.0, "improver": 1.0}


def lived(weights: dict[str, float], turns: dict[str, float], gains: dict[str, float], seconds: float) -> list[str]:
    """Which objectives were visited, one after the other, when a turn takes so long and gains so much."""
    attention, visited, now = Attention(weights), list[str](), 0.0
    while now < seconds:
        name = attention.choose(set(weights))
        attention.spent(name, turns[name], gains[name])
        visited.append(name)
        now += turns[name]
    return visited


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(WEIGHTS)), st.floats(0.5, 8.0), st.floats(0.0, 5.0))
def test_none_is_starved_by_another_ones_gains(lucky: str, turn: float, gain: float) -> None:
    turns = dict.fromkeys(WEIGHTS, 1.0) | {"training": turn}
    visited = lived(WEIGHTS, turns, dict.fromkeys(WEIGHTS, 0.0) | {lucky: gain}, 600.0)
    spent = {name: turns[name] * n for name, n in Counter(visited).items()}
    for name, weight in WEIGHTS.items():
        whole = sum(spent.values()) - START_S
        assert spent.get(name, 0.0) >= 0.8 * 0.5 * weight / sum(WEIGHTS.values()) * whole - turns[name]


def test_the_rest_of_the_time_goes_where_gains_are() -> None:
    turns = dict.fromkeys(WEIGHTS, 1.0)
    for lucky in ("training", "improver"):
        visited = Counter(lived(WEIGHTS, turns, dict.fromkeys(WEIGHTS, 0.0) | {lucky: 0.1}, 600.0))
        assert visited[lucky] > 0.4 * sum(visited.values())


def test_the_first_seconds_belong_to_the_first_objective() -> None:
    first = lived(WEIGHTS, dict.fromkeys(WEIGHTS, 1.0), dict.fromkeys(WEIGHTS, 0.0) | {"memory": 0.5}, 18.0)
    assert set(first) == {"memory"}


def test_without_gains_time_follows_the_weights() -> None:
    visited = Counter(lived(WEIGHTS, dict.fromkeys(WEIGHTS, 1.0), dict.fromkeys(WEIGHTS, 0.0), 800.0))
    assert 300 < visited["memory"] < 500 and all(60 < visited[name] < 140 for name in WEIGHTS if name != "memory")


def test_only_what_is_open_is_chosen() -> None:
    attention = Attention(WEIGHTS)
    attention.spent("memory", 100.0, 0.0)
    assert attention.choose({"memory"}) == "memory"
