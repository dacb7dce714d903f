"""The canary: takes back what is worse, hardly ever anything else, and ends."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.certify.canary import LIFETIME, canary_level, judge_canary
from selfproof.certify.gate import Confirmation
from selfproof.certify.terms import Pair, Rule

STAKES = np.array([0.05, 0.10, 0.17, 0.27, 0.40, 0.55, 0.72, 0.90])


@given(st.lists(st.floats(-3, 3), max_size=80), st.floats(0.05, 2))
def test_it_bets_against_the_new_version_on_clipped_differences(ys: list[float], scale: float) -> None:
    answer, log = judge_canary(ys, scale, 0.01, 90)
    worse = -np.clip(np.array(ys) / (1.5 * scale), -1, 1)
    path = np.logaddexp.reduce(np.cumsum(np.log1p(np.outer(worse, STAKES)), axis=0), axis=1) - math.log(8)
    over = np.flatnonzero(path >= -math.log(0.01))
    assert (answer == "rollback") == bool(len(over))
    assert log == pytest.approx(path[over[0]] if len(over) else (path[-1] if ys else 0.0), abs=1e-9)
    assert answer != "more" or (log >= math.log(3) and len(ys) < 90)


def test_over_a_life_it_may_take_back_one_harmless_change_in_a_hundred_lives() -> None:
    assert LIFETIME == 0.01
    assert math.fsum(canary_level(number) for number in range(1, 10_001)) < LIFETIME


def test_harmless_changes_stay_and_harmful_ones_go() -> None:
    rng = random.Random(4)

    def watch(mean: float) -> str:
        ys: list[float] = []
        answer = "more"
        while answer == "more":
            ys += [rng.gauss(mean, 1) for _ in range(30)]
            answer, _ = judge_canary(ys, 1.0, canary_level(1), 90)
        assert len(ys) <= 90
        return answer

    assert [watch(0.0) for _ in range(200)].count("rollback") <= 2  # a true rate of .0026 gives more in 1 of 500
    assert [watch(-0.8) for _ in range(40)].count("rollback") >= 36
    assert [watch(0.5) for _ in range(40)].count("kept") == 40


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=60), st.floats(0.05, 0.6))
def test_the_loss_bet_is_on_large_losses_alone(ys: list[float], rate: float) -> None:
    """A third bet, recomputed: wealth against "a share ``rate`` of pairs or more loses more than .3"."""
    rule = Rule(level=1e-9, scale=0.1, most_pairs=100, loss=0.3, loss_rate=rate)
    gate = Confirmation(rule)
    verdict = gate.verdict
    seen: list[float] = []
    for y in ys:
        verdict = gate.add(Pair(y))
        seen.append(y)
        if verdict.answer != "undecided":
            break
    lost = np.array(seen) < -0.3
    wanted = np.logaddexp.reduce(np.log1p(np.outer((rate - lost) / (1 - rate), STAKES)).sum(axis=0)) - math.log(8)
    assert verdict.losses == lost.sum()
    assert verdict.log_loss_wealth == pytest.approx(float(wanted), abs=1e-9)


def test_a_gain_with_large_losses_that_may_not_be_rare_is_not_certified() -> None:
    """One pair in twelve loses 3: fine for the clipped mean, not for a charter that wants fewer than one in twenty."""
    world = [Pair(-3.0 if i % 12 == 5 else 1.0) for i in range(150)]
    free, bound = Confirmation(Rule(0.01, 1.0, 150)), Confirmation(Rule(0.01, 1.0, 150, loss=2.0, loss_rate=0.05))
    for pair in world:
        free.take(pair)
        bound.take(pair)
    assert free.verdict.answer == "certified"
    assert bound.verdict.answer == "refused" and "large losses may not be rare enough" in bound.verdict.reason
    clean = Confirmation(Rule(0.01, 1.0, 150, loss=2.0, loss_rate=0.05))
    for _ in range(150):
        clean.take(Pair(1.0))
    assert clean.verdict.answer == "certified"
