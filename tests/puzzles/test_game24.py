"""The Game of 24: exact states, a search whose budget no policy can stretch, hands that are held out, odd answers."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations, count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.templates.puzzles.tasks.game24 import HANDS, Game24
from selfproof.templates.puzzles.tasks.search import BUDGET, Block
from selfproof.templates.puzzles.tasks.states import NONE
from selfproof.trial.task import InvalidAnswer

State = tuple[Fraction, ...]
hands_of_numbers = st.lists(st.integers(1, 13), min_size=4, max_size=4)


def moves(state: State, *, negative: bool = False) -> Iterator[tuple[State, str]]:
    """The textbook's moves, with what was done; ``negative``: both differences instead of the distance."""
    for i, j in combinations(range(len(state)), 2):
        a, b = state[i], state[j]
        rest = [v for k, v in enumerate(state) if k not in (i, j)]
        found = {f"{a}+{b}": a + b, f"{a}*{b}": a * b}
        found |= {f"{a}-{b}": a - b, f"{b}-{a}": b - a} if negative else {f"{max(a, b)}-{min(a, b)}": abs(a - b)}
        found |= ({f"({a})/({b})": a / b} if b else {}) | ({f"({b})/({a})": b / a} if a else {})
        for done, value in found.items():
            yield tuple(sorted([*rest, value], reverse=True)), done


def solvable(state: State) -> bool:
    if len(state) == 1:
        return state[0] == 24
    return any(solvable(after) for after, _ in moves(state, negative=True))


def hand_state(numbers: Any) -> State:
    return tuple(sorted((Fraction(int(v)) for v in numbers), reverse=True))


def values(state: State) -> tuple[float, ...]:
    return tuple(float(v) for v in state)


def test_all_hands_that_can_be_solved_are_there(game24: Game24) -> None:
    assert len(game24.game.hands) == 1362, "the number that is known for 1..13"


@settings(max_examples=15, deadline=None)
@given(numbers=hands_of_numbers)
def test_hands_states_and_wins_are_those_of_exact_fractions(game24: Game24, numbers: list[int]) -> None:
    game, hand = game24.game, hand_state(numbers)
    found = np.flatnonzero((game.hands == sorted(numbers)).all(axis=1))
    assert bool(len(found)) == solvable(hand)
    for number in found:
        threes = game.first[number][game.first[number] != NONE]
        exact = {tuple(Fraction(int(x), int(y)) for x, y in state) for state in game.threes[threes]}
        assert exact == {after for after, _ in moves(hand)}
        for three in np.unique(threes)[:6]:
            twos = game.second[three][game.second[three] != NONE]
            state = tuple(Fraction(int(x), int(y)) for x, y in game.threes[three])
            below = {tuple(Fraction(int(x), int(y)) for x, y in game.twos[t]): bool(game.wins[t]) for t in twos}
            assert below == {s: (Fraction(24),) in {a for a, _ in moves(s)} for s, _ in moves(state)}


def textbook(hand: State, score: Callable[[State], float], budget: int) -> tuple[int, list[str]]:
    """Best-first search with a heap: expansions until solved (0: not within the budget), and the solution's moves."""
    order, seen = count(), {hand}
    heap: list[tuple[float, int, State, list[str]]] = [(-np.inf, next(order), hand, [])]
    for number in range(1, budget + 1):
        if not heap:
            break
        _, _, state, path = heapq.heappop(heap)
        for after, done in moves(state):
            if after == (Fraction(24),):
                return number, [*path, done]
            if len(after) > 1 and after not in seen:
                seen.add(after)
                heapq.heappush(heap, (-score(after), next(order), after, [*path, done]))
    return 0, []


def check(hand: State, path: list[str]) -> None:
    """Play a solution's moves with exact fractions: they must end in 24."""
    state = hand
    for wanted in path:
        state = next(after for after, done in moves(state) if done == wanted)
    assert state == (Fraction(24),)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), depth=st.floats(-2, 2), budget=st.integers(1, 40))
def test_the_search_is_the_textbooks(game24: Game24, seed: int, depth: float, budget: int) -> None:
    rng = np.random.default_rng(seed)
    block = Block(game24.game, rng.integers(0, len(game24.game.hands), 4).tolist())
    scores = rng.random(len(block.states)) - depth * block.states[:, 3]
    by_state = {tuple(row[: int(row[3])].tolist()): s for row, s in zip(block.states, scores, strict=True)}
    assert len(by_state) == len(scores), "each state once"
    found = block.expanded(scores, budget)
    numbers = np.random.default_rng(seed).integers(0, len(game24.game.hands), 4)
    for hand, expanded in zip(game24.game.hands[numbers], found, strict=True):
        number, path = textbook(hand_state(hand), lambda s: by_state[values(s)], budget)
        assert expanded == number <= budget
        if number:
            check(hand_state(hand), path)


def test_no_scores_buy_more_than_the_budget(game24: Game24) -> None:
    (sample,) = game24.samples("explore", 1, 1)
    _, block, _ = sample.hidden
    for scores in (block.states[:, 3], -block.states[:, 3], np.full(len(block.states), 1e300)):
        full, short = block.expanded(scores), block.expanded(scores, 10)
        assert full.max() <= BUDGET and np.array_equal(short, np.where(full <= 10, full, 0))
    breadth = game24.draws(sample, sample.value[:, 3])
    assert min(breadth) == 0.0 and max(breadth) <= 1 - 3 / 250


def test_held_out_hands_are_held_out(game24: Game24) -> None:
    parts = [set(game24.parts[split]) for split in ("explore", "confirm", "report")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 1362 and min(map(len, parts)) > 350
    for split in ("explore", "confirm", "report"):
        for sample in game24.samples(split, 3, 4):
            assert set(sample.hidden[0]) <= set(game24.parts[split]) and len(sample.hidden[0]) == HANDS
    assert len({game24.pool(split)["sha256"] for split in ("explore", "confirm", "report")}) == 3


def test_blocks_follow_from_their_seed(game24: Game24) -> None:
    one, two, other = (game24.samples("confirm", seed, 2) for seed in (7, 7, 8))
    assert all(np.array_equal(a.value, b.value) for a, b in zip(one, two, strict=True))
    assert one[0].hidden[0] != other[0].hidden[0] and one[0].hidden[0] != one[1].hidden[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: np.where(np.arange(len(s)) == 5, np.nan, s),
        lambda s: np.where(np.arange(len(s)) == 5, np.inf, s),
        lambda s: -np.inf * s,
        lambda s: s[:-1],
        lambda s: s[:, None],
        lambda s: s.astype(int),
        lambda s: s > 0,
        lambda s: s.tolist(),
        lambda s: None,
        lambda s: s.astype(complex),
    ],
)
def test_odd_answers_have_no_score(game24: Game24, spoil: Callable[[Any], Any]) -> None:
    (sample,) = game24.samples("explore", 2, 1)
    answer = np.linspace(1.0, 2.0, len(sample.value))
    assert len(game24.draws(sample, answer)) == HANDS
    with pytest.raises(InvalidAnswer):
        game24.draws(sample, spoil(answer))


PEEKS = {
    "the mean": "q - q.mean()",
    "the neighbour": "q + 0.1 * np.roll(q, 1)",
    "the place": "q + np.arange(len(q)) / len(q)",
    "the rank": "np.argsort(np.argsort(q)).astype(float)",
    "who else is there": "q + len(np.unique(states[:, 0])) % 7",
    "chance": "q + np.random.default_rng().random(q.shape)",
}


def test_a_policy_for_single_states_passes(game24: Game24, tools: Any, depends: Any) -> None:
    assert depends(game24, "policy.py", tools.source("policy.py", "divides - near / t")) is False


@pytest.mark.parametrize("kind", PEEKS)
def test_a_policy_that_looks_at_other_states_is_found_out(game24: Game24, tools: Any, depends: Any, kind: str) -> None:
    after = f"\n\n_before = rank\n\n\ndef rank(states):\n    q = _before(states)\n    return {PEEKS[kind]}\n"
    assert depends(game24, "policy.py", tools.source("policy.py", "divides - near / t", after)) is True


@pytest.mark.parametrize("rule", ["1.0 / (n - 3.0)", "np.log1p(-a)", "0.5", "np.sqrt(b - a) * near"])
def test_a_rule_that_is_not_finite_somewhere_still_has_an_answer(game24: Game24, tools: Any, rule: str) -> None:
    rank = tools.rank_of(tools.source("policy.py", rule))
    assert 0.0 <= tools.mean(game24, rank, game24.samples("explore", 4, 1)) < 1.0


@pytest.mark.slow
def test_people_see_explore_hands_alone(game24: Game24, monkeypatch: pytest.MonkeyPatch) -> None:
    report, other = game24.samples("report", 5, 2), game24.samples("report", 6, 2)
    asked: list[str] = []
    draw = game24.samples
    monkeypatch.setattr(game24, "samples", lambda split, *rest: (asked.append(split), draw(split, *rest))[1])
    first, second = (game24.baselines(9, 60, samples) for samples in (report, other))
    assert set(asked) == {"explore"}
    assert [(b.name, b.tuned) for b in first] == [(b.name, b.tuned) for b in second]
    means = {b.name: float(np.mean(b.draws)) for b in first}
    assert means["nearest |v - 24|, factors, fractions"] > means["nearest |v - 24|"] > means["fewest numbers first"]


@pytest.mark.parametrize("rule", [None, "-near", "divides - near / t"])
def test_controls_are_what_they_claim(game24: Game24, tools: Any, rule: str | None) -> None:
    text, samples = tools.source("policy.py", rule), game24.samples("confirm", 11, 6)
    usual = tools.mean(game24, tools.rank_of(text), samples)
    worse, hardly = (tools.mean(game24, tools.rank_of(game24.damaged(text, "rank", s)), samples) for s in (0.95, 0.01))
    assert worse < usual - 0.15 and worse < hardly and abs(hardly - usual) < 0.1


def test_haste_is_tempting_and_no_gain_once_a_policy_is_good(game24: Game24, tools: Any) -> None:
    text = tools.source("policy.py", "divides - np.minimum(abs(a * b - t), np.minimum(abs(a + b - t), near)) / t")
    samples = game24.samples("confirm", 12, 8)
    one, two = (
        np.array([game24.draws(s, tools.rank_of(t)(s.value)) for s in samples])
        for t in (text, game24.tempting(text, "rank"))
    )
    assert (two > one).mean() > 0.05 and two.mean() < one.mean() - 0.02
