"""The bets: equal to a second implementation, and no gambler gets rich on nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.certify.betting import FRACTIONS, Wealth, log_wealth

ALPHA = 0.05
STEPS = 200
Draw = Callable[[random.Random], float]


def second_opinion(outcomes: list[float]) -> float:
    """The same mixture by plain products in extended precision, written without looking at the first."""
    stakes = np.array([0.05, 0.10, 0.17, 0.27, 0.40, 0.55, 0.72, 0.90], dtype=np.longdouble)
    factors = np.ones((1, 8), dtype=np.longdouble)
    for outcome in outcomes:
        factors = np.vstack([factors, 1 + stakes * np.longdouble(outcome)])
    return float(np.log(factors.prod(axis=0).mean()))


@given(st.lists(st.floats(-1, 1), max_size=80))
def test_wealth_agrees_with_a_second_implementation(outcomes: list[float]) -> None:
    assert log_wealth(outcomes) == pytest.approx(second_opinion(outcomes), rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(-1, 50), max_size=40))
def test_so_do_outcomes_above_one_as_guards_have_them(outcomes: list[float]) -> None:
    assert log_wealth(outcomes) == pytest.approx(second_opinion(outcomes), rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(-1, 1), max_size=30), st.randoms())
def test_order_does_not_matter_and_wealth_is_never_lost_completely(outcomes: list[float], rng: random.Random) -> None:
    shuffled = list(outcomes)
    rng.shuffle(shuffled)
    assert math.isfinite(log_wealth(outcomes))
    assert log_wealth(shuffled) == pytest.approx(log_wealth(outcomes), abs=1e-9)


@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=6, max_size=6))
def test_fair_bets_have_expectation_one(_: list[float]) -> None:
    """Exact, not sampled: the mean of W over all 2^6 equally likely sequences is 1."""
    total = sum(math.exp(log_wealth([1.0 if n >> i & 1 else -1.0 for i in range(6)])) for n in range(64))
    assert total / 64 == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("outcome", [math.nan, math.inf, -math.inf, -1.0000001])
def test_an_outcome_that_could_cost_more_than_the_stake_is_an_error(outcome: float) -> None:
    with pytest.raises(ValueError, match="at least -1"):
        Wealth().bet(outcome)


def test_every_fraction_stays_below_one() -> None:
    assert all(0 < fraction < 1 for fraction in FRACTIONS)


def fair_coin(rng: random.Random) -> float:
    return rng.choice((-1.0, 1.0))


def rare_loss(rng: random.Random) -> float:
    """Mean 0: a small gain nearly always, the whole stake once in ten."""
    return 1 / 9 if rng.random() < 0.9 else -1.0


def rare_gain(rng: random.Random) -> float:
    return -1 / 9 if rng.random() < 0.9 else 1.0


def clipped_normal(rng: random.Random) -> float:
    return max(-1.0, min(1.0, rng.gauss(0, 0.6)))


def crossings(draw: Draw, tries: int, seed: int) -> int:
    """How many of ``tries`` gamblers on a null ever hold 1/alpha within STEPS bets."""
    rng = random.Random(seed)
    line, found = -math.log(ALPHA), 0
    for _ in range(tries):
        wealth = Wealth()
        for _ in range(STEPS):
            wealth.bet(draw(rng))
            if wealth.log >= line:
                found += 1
                break
    return found


def allowed(tries: int) -> float:
    """The most crossings that a true rate of alpha gives in all but one of 1000 repetitions (normal bound)."""
    return tries * ALPHA + 3.1 * math.sqrt(tries * ALPHA * (1 - ALPHA))


@pytest.mark.parametrize("draw", [fair_coin, rare_loss, rare_gain, clipped_normal])
def test_few_nulls_ever_cross_the_line(draw: Draw) -> None:
    assert crossings(draw, 200, seed=7) <= allowed(200)


@pytest.mark.slow
@pytest.mark.parametrize("draw", [fair_coin, rare_loss, rare_gain, clipped_normal])
def test_fewer_than_alpha_of_many_nulls_ever_cross_the_line(draw: Draw) -> None:
    assert crossings(draw, 4000, seed=8) <= 4000 * ALPHA
