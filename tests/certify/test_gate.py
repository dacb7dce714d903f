"""The gate: certifies gains, seldom anything else, and never a typical gain that hides a loss in the mean."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.certify.gate import Confirmation
from selfproof.certify.judging import judge
from selfproof.certify.pairs import quality_pair, speed_pair
from selfproof.certify.terms import Pair, Rule

STAKES = np.array([0.05, 0.10, 0.17, 0.27, 0.40, 0.55, 0.72, 0.90])
PLAIN = Rule(level=0.05, scale=1.0, most_pairs=150)
MEAN = Rule(level=0.005, scale=0.05, most_pairs=150, margin=0.02, span=20.0)
World = Callable[[random.Random], float]


def log_mixture(outcomes: np.ndarray) -> float:
    """Independent of ``betting``: products of the bets, one column per stake."""
    return float(np.logaddexp.reduce(np.log1p(np.outer(outcomes, STAKES)).sum(axis=0)) - math.log(8))


differences = st.floats(-3, 3)
parts = st.lists(st.floats(-5, 5), min_size=4, max_size=4)


@given(st.lists(differences, max_size=60), st.floats(0.01, 3), st.floats(0, 0.5))
def test_the_first_bet_is_on_the_clipped_difference_less_the_least_gain(
    ys: list[float], scale: float, least: float
) -> None:
    verdict = judge(Rule(level=1e-9, scale=scale, most_pairs=1000, minimum=least), [Pair(y) for y in ys])
    used = np.clip((np.array(ys[: verdict.pairs]) - least) / (1.5 * scale), -1, 1)
    assert verdict.log_wealth == pytest.approx(log_mixture(used), abs=1e-9)
    assert verdict.log_threshold == pytest.approx(-math.log(1e-9))


@given(st.lists(parts, max_size=20), st.floats(0.01, 1))
def test_the_second_bet_is_on_every_single_draw_unclipped(blocks: list[list[float]], margin: float) -> None:
    rule = Rule(level=1e-9, scale=1.0, most_pairs=1000, margin=margin, span=5.0)
    verdict = judge(rule, [Pair(math.fsum(block) / 4, tuple(block)) for block in blocks])
    flat = np.array([x for block in blocks[: verdict.pairs] for x in block])
    assert verdict.log_mean_wealth == pytest.approx(log_mixture((flat + margin) / (5.0 - margin)), abs=1e-9)


@given(st.lists(st.tuples(differences, parts), max_size=30), st.sampled_from([0.3, 0.05, 1e-3]))
def test_certified_means_that_both_bets_reached_their_line(rows: list[tuple[float, list[float]]], level: float) -> None:
    rule = Rule(level=level, scale=0.3, most_pairs=25, margin=0.5, span=5.0)
    verdict = judge(rule, [Pair(y, tuple(block)) for y, block in rows])
    reached = min(verdict.log_wealth, verdict.log_mean_wealth or -math.inf) >= -math.log(level)
    assert (verdict.answer == "certified") == reached
    assert verdict.answer != "undecided" or verdict.pairs == len(rows) < 25


@given(st.lists(differences, min_size=1, max_size=40))
def test_judge_is_the_confirmation_up_to_its_first_answer(ys: list[float]) -> None:
    confirmation = Confirmation(PLAIN)
    seen = [confirmation.add(Pair(y)) for y in ys]
    first = next((v for v in seen if v.answer != "undecided"), seen[-1])
    assert judge(PLAIN, [Pair(y) for y in ys]) == first


@pytest.mark.parametrize(
    ("rule", "pair"),
    [
        (PLAIN, Pair(math.nan)),
        (PLAIN, Pair(math.inf)),
        (MEAN, Pair(0.1)),
        (MEAN, Pair(0.1, (20.5,))),
        (MEAN, Pair(0.1, (math.nan,))),
    ],
)
def test_a_pair_that_cannot_be_bet_on_is_an_error_and_changes_nothing(rule: Rule, pair: Pair) -> None:
    confirmation = Confirmation(rule)
    with pytest.raises(ValueError):
        confirmation.add(pair)
    assert confirmation.verdict.pairs == 0 and confirmation.verdict.log_wealth == 0.0


@pytest.mark.parametrize(
    "rule",
    [
        Rule(0.0, 1.0, 10),
        Rule(1.0, 1.0, 10),
        Rule(0.05, 0.0, 10),
        Rule(0.05, math.inf, 10),
        Rule(0.05, 1.0, 10, margin=0.0),
        Rule(0.05, 1.0, 10, margin=2.0, span=1.0),
    ],
)
def test_an_impossible_rule_is_refused(rule: Rule) -> None:
    with pytest.raises(ValueError):
        Confirmation(rule)


def confirm(world: World, rng: random.Random, rule: Rule = PLAIN) -> str:
    confirmation = Confirmation(rule)
    answer = "undecided"
    while answer == "undecided":
        answer = confirmation.add(Pair(world(rng))).answer
    return answer


def same(rng: random.Random) -> float:
    return rng.gauss(0, 1)


def nothing(rng: random.Random) -> float:
    del rng
    return 0.0


def skewed(rng: random.Random) -> float:
    """Its clipped mean is 0: small gains in three of four pairs, losses beyond the clip in the fourth."""
    return 0.5 if rng.random() < 0.75 else -5.0


def heavy(rng: random.Random) -> float:
    return rng.gauss(0, 1) / max(1e-6, abs(rng.gauss(0, 1)))


def drifting() -> World:
    """A null whose spread follows its own past: dependent, but of mean 0 given what came before."""
    last = [0.3]

    def draw(rng: random.Random) -> float:
        last[0] = rng.choice((-1, 1)) * min(3.0, 0.3 + abs(last[0]) * rng.random() * 1.3)
        return last[0]

    return draw


NULLS = {"same": same, "nothing": nothing, "skewed": skewed, "heavy": heavy, "drifting": drifting()}


def certified(world: World, tries: int, seed: int) -> int:
    rng = random.Random(seed)
    return sum(confirm(world, rng) == "certified" for _ in range(tries))


@pytest.mark.parametrize("name", NULLS)
def test_nulls_are_seldom_certified(name: str) -> None:
    tries = 150
    assert certified(NULLS[name], tries, seed=3) <= tries * 0.05 + 3.1 * math.sqrt(tries * 0.05 * 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("name", NULLS)
def test_of_many_nulls_fewer_than_alpha_are_certified(name: str) -> None:
    assert certified(NULLS[name], 3000, seed=4) <= 3000 * 0.05


def test_a_life_of_nulls_seldom_adopts_even_one() -> None:
    """25 confirmations a life at alpha_k: at most alpha of all lives may ever certify anything."""
    from selfproof.certify.spending import level

    rng, lives = random.Random(5), 80
    rules = [Rule(level(0.05, 0.8, k), 1.0, 60) for k in range(1, 26)]
    false = sum(any(confirm(same, rng, rule) == "certified" for rule in rules) for _ in range(lives))
    assert false <= 9  # a true rate of .05 gives more in one of 1000 repetitions


def test_gains_are_certified() -> None:
    rng = random.Random(6)
    found = [confirm(lambda r: r.gauss(0.8, 1), rng) for _ in range(40)]
    assert found.count("certified") >= 36


def test_losses_end_early_and_refused() -> None:
    rng = random.Random(7)
    for _ in range(40):
        confirmation = Confirmation(PLAIN)
        verdict = confirmation.verdict
        while verdict.answer == "undecided":
            verdict = confirmation.add(Pair(rng.gauss(-0.8, 1)))
        assert verdict.answer == "refused" and verdict.pairs < PLAIN.most_pairs


def test_a_mean_loss_behind_typical_gains_is_stopped_by_the_second_bet() -> None:
    """Nine blocks of ten gain .05 on every draw, the tenth loses 1.0: the clipped mean is +.8, the mean -.055."""
    good, bad = Pair(0.05, (0.05,) * 32), Pair(-1.0, (-1.0,) * 32)
    blocks = list(itertools.chain.from_iterable([good] * 9 + [bad] for _ in range(15)))
    assert judge(Rule(0.005, 0.03, 150), blocks).answer == "certified"
    verdict = judge(Rule(0.005, 0.03, 150, margin=0.02, span=20.0), blocks)
    assert (verdict.answer, verdict.pairs) == ("refused", 150)
    assert verdict.reason == "better in the typical case, but a loss in the mean is not excluded"
    assert verdict.log_wealth >= verdict.log_threshold > (verdict.log_mean_wealth or 0.0)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.floats(0.02, 0.6))
def test_the_second_bet_never_certifies_a_mean_loss_beyond_the_margin(seed: int, loss: float) -> None:
    """Rare losses of any size that average out below -margin: not one is certified at alpha_k = .001."""
    rng = random.Random(seed)
    rate = rng.uniform(0.02, 0.3)
    depth = min(19.0, (0.05 * (1 - rate) + 0.02 + loss) / rate)
    confirmation = Confirmation(Rule(0.001, 0.05, 60, margin=0.02, span=20.0))
    verdict = confirmation.verdict
    while verdict.answer == "undecided":
        draws = tuple(-depth if rng.random() < rate else 0.05 for _ in range(64))
        verdict = confirmation.add(Pair(math.fsum(draws) / 64, draws))
    assert verdict.answer == "refused"


@given(st.lists(st.floats(0.5, 15), min_size=1, max_size=9), st.lists(st.floats(0.5, 15), min_size=9, max_size=9))
def test_rows_become_pairs_with_gains_above_zero(ours: list[float], theirs: list[float]) -> None:
    row = (*ours, *theirs[: len(ours)])
    lower, higher = quality_pair(row, "lower"), quality_pair(row, "higher")
    assert lower.parts == tuple(a - b for a, b in zip(ours, theirs, strict=False))
    assert lower.y == pytest.approx(np.mean(ours) - np.mean(theirs[: len(ours)]), abs=1e-9)
    assert higher.y == -lower.y and higher.parts == tuple(-p for p in lower.parts)


def test_a_speed_pair_is_the_log_of_how_many_times_faster_the_candidate_is() -> None:
    assert speed_pair((2.0, 1.0)).y == pytest.approx(math.log(2))
    assert speed_pair((1.0, 4.0)).y == pytest.approx(-math.log(4))


@pytest.mark.parametrize("test", ["greedy5", "ttest", "peek"])
def test_rules_that_prove_nothing_give_up_where_no_more_pairs_are_allowed(test: Any) -> None:
    """Else one that looks after 30 pairs would wait for ever for the 13th of 12."""
    rule = Rule(level=0.05, scale=1.0, most_pairs=4, test=test)
    verdict = judge(rule, [Pair(float(i % 2) - 0.5) for i in range(4)])
    assert (verdict.answer, verdict.pairs) == ("refused", 4)
