"""Guards: not worse than the margin, against references that do not move."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.certify import guards
from selfproof.certify.guards import judge_guard
from selfproof.certify.terms import Pair

STAKES = np.array([0.05, 0.10, 0.17, 0.27, 0.40, 0.55, 0.72, 0.90])


@given(st.lists(st.floats(-5, 5), max_size=60), st.floats(0.01, 4.9))
def test_wealth_agrees_with_a_second_implementation(values: list[float], margin: float) -> None:
    found = judge_guard([values], margin=margin, span=5.0, level=0.01)
    outcomes = (np.array(values) + margin) / (5.0 - margin)
    expected = np.logaddexp.reduce(np.log1p(np.outer(outcomes, STAKES)).sum(axis=0)) - math.log(8)
    assert found.log_wealth == pytest.approx(float(expected), abs=1e-9)
    assert found.draws == len(values)


def passes(mean: float, tries: int, seed: int, level: float = 0.05) -> int:
    rng = random.Random(seed)
    runs = [[max(-5.0, min(5.0, rng.gauss(mean, 0.5))) for _ in range(400)] for _ in range(tries)]
    return sum(
        judge_guard([run[i : i + 8] for i in range(0, len(run), 8)], margin=0.2, span=5.0, level=level).passed
        for run in runs
    )


def test_an_equal_version_passes_and_one_worse_by_the_margin_does_not() -> None:
    assert passes(0.0, 20, seed=1) >= 18
    assert passes(-0.2, 100, seed=2) <= 100 * 0.05 + 3.1 * math.sqrt(100 * 0.05 * 0.95)
    assert passes(-0.5, 20, seed=3) == 0


def test_better_needs_a_gain_of_its_own() -> None:
    assert judge_guard([[0.0] * 4000], margin=0.2, span=5.0, level=0.05).better is False
    assert judge_guard([[0.5] * 400], margin=0.2, span=5.0, level=0.05).better is True


def test_wealth_counts_after_whole_blocks_only() -> None:
    """Draws of a block may be stratified: what its first ones win by, its last ones may be known to lose."""
    block = [4.0] * 20 + [-4.0] * 20
    assert judge_guard([block[:20]], margin=0.2, span=5.0, level=0.05).passed
    assert judge_guard([block[:20]], margin=0.2, span=5.0, level=0.05).better
    whole = judge_guard([block], margin=0.2, span=5.0, level=0.05)
    assert not whole.passed and not whole.better and whole.draws == 40


def stratified(rng: random.Random) -> list[float]:
    """A block whose draws come from a good and a bad half of a pool that loses the margin on average."""
    return [rng.gauss(1.6, 0.3) for _ in range(8)] + [rng.gauss(-2.0, 0.3) for _ in range(8)]


@pytest.mark.parametrize("tries", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_stratified_draws_of_a_loss_at_the_margin_seldom_pass(tries: int) -> None:
    rng = random.Random(8)
    runs = [[stratified(rng) for _ in range(40)] for _ in range(tries)]
    found = sum(judge_guard(run, margin=0.2, span=5.0, level=0.05).passed for run in runs)
    assert found <= tries * 0.05 + 3.1 * math.sqrt(tries * 0.05 * 0.95)


@pytest.mark.parametrize("margin", [0.0, -1.0, 5.0, 7.0])
def test_an_impossible_margin_is_an_error(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        judge_guard([[0.0]], margin=margin, span=5.0, level=0.05)


@pytest.mark.parametrize("value", [5.1, -5.1, math.nan])
def test_a_difference_outside_the_span_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="span"):
        judge_guard([[value]], margin=0.2, span=5.0, level=0.05)


def mixed(left: float, right: float, blocks: int = 200) -> tuple[list[list[float]], list[str]]:
    """Blocks whose left draws gain or lose this much, and whose right draws that much; a third draw is in no group."""
    return [[left, right, 0.0]] * blocks, ["lr."] * blocks


@pytest.mark.parametrize(("left", "right", "passes"), [(0.0, 0.0, True), (0.3, -0.2, False), (0.3, -0.01, True)])
def test_a_gain_on_average_hides_no_loss_of_a_group(left: float, right: float, passes: bool) -> None:
    blocks, groups = mixed(left, right)
    plain = guards.judge_guard(blocks, margin=0.1, span=1.0, level=0.01)
    grouped = guards.judge_guard(blocks, groups, margin=0.1, span=1.0, level=0.01)
    assert plain.passed and grouped.passed is passes
    assert grouped.better == plain.better


def test_a_group_of_which_too_little_was_drawn_does_not_pass() -> None:
    blocks, groups = mixed(0.0, 0.0, 60)
    groups = ["llr", *["ll."] * 59]
    assert not guards.judge_guard(blocks, groups, margin=0.1, span=1.0, level=0.01).passed


def test_groups_that_do_not_match_their_draws_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        guards.judge_guard([[0.0, 0.0]], ["l"], margin=0.1, span=1.0, level=0.01)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        guards.judge_guard([[0.0, 0.0]] * 2, ["lr"], margin=0.1, span=1.0, level=0.01)


def test_a_suite_by_group_adds_up_the_losses_of_each_group() -> None:
    pairs = [Pair(-0.2), *[Pair(1.0)] * 3, *[Pair(0.0)] * 4]
    plain = guards.judge_suite(pairs * 2, 8, 0.05)
    assert plain.passed and guards.judge_suite(pairs * 2, 8, 0.05, ["a"] * 4 + ["b"] * 4).passed
    assert not guards.judge_suite(pairs * 2, 8, 0.05, ["a", *["b"] * 7]).passed
