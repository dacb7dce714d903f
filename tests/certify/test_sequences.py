"""Intervals that hold at every look: exact coverage, second implementations, and people who stop when it suits them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.certify import effect
from selfproof.certify.effect import mean_interval, mean_sequence, median_sequence, pairing

Block = tuple[float, ...]
Draw = Callable[[random.Random], Block]


def kept_rank(n: int) -> int:
    """The rank of the interval's lower end among n values, counted from 1."""
    found = median_sequence([float(i) for i in range(1, n + 1)])
    assert found.high == n + 1 - found.low
    return int(found.low)


def wealth(below: int, n: int) -> Fraction:
    """2^n B(k + 1/2, n - k + 1/2) / B(1/2, 1/2) without a gamma function: it is rational."""
    pairs = math.comb(2 * below, below) * math.comb(2 * (n - below), n - below)
    return Fraction(pairs, math.comb(n, below) * 2**n)


@pytest.mark.parametrize("n", [*range(7, 80), 200, 501])
def test_the_medians_ranks_are_those_of_exact_arithmetic(n: int) -> None:
    rank = kept_rank(n)
    assert wealth(rank - 1, n) >= 20 > wealth(rank, n)
    assert all(wealth(k, n) >= 20 for k in range(rank))


def ever_missed(most: int, ranks: dict[int, int]) -> float:
    """The exact chance that a fair coin's count is ever outside the ranks kept, from the first look to the last."""
    alive, missed = np.ones(1), 0.0
    for n in range(1, most + 1):
        alive = (np.append(alive, 0.0) + np.insert(alive, 0, 0.0)) / 2
        if n in ranks:
            outside = np.r_[0 : ranks[n], n + 1 - ranks[n] : n + 1]
            missed += alive[outside].sum()
            alive[outside] = 0.0
    return float(missed)


def test_the_median_is_in_all_intervals_at_once_with_its_chance() -> None:
    """Exact, not sampled: whoever looks after every value, 400 times, and stops at the worst, is wrong below 5%."""
    sequence = ever_missed(400, {n: kept_rank(n) for n in range(7, 401)})
    assert 0.01 < sequence <= 0.05
    fixed = {n: int(effect.median_interval([float(i) for i in range(1, n + 1)]).low) for n in range(7, 401)}
    assert ever_missed(400, fixed) > 0.2  # which the interval for a fixed number does not offer


def test_ties_cover_every_median() -> None:
    """Half 0, half 1: each number from 0 to 1 is a median, and all of them must be covered."""
    rng, missed = random.Random(3), 0
    for _ in range(200):
        values: list[float] = []
        for _ in range(80):
            values.append(float(rng.random() < 0.5))
            if len(values) >= 7:
                found = median_sequence(values)
                if found.low > 0 or found.high < 1:
                    missed += 1
                    break
    assert missed <= 200 * 0.05 + 3.1 * math.sqrt(200 * 0.05 * 0.95)


@given(st.lists(st.floats(-1e9, 1e9), min_size=7, max_size=60))
def test_the_median_lies_in_its_interval(values: list[float]) -> None:
    found = median_sequence(values)
    assert found.low <= found.value <= found.high and found.n == len(values)
    assert {found.low, found.high} <= set(values)


@pytest.mark.parametrize("values", [[1.0] * 6, [], [1.0] * 9 + [math.nan], [1.0] * 9 + [math.inf]])
def test_no_interval_for_a_median_without_enough_finite_values(values: list[float]) -> None:
    with pytest.raises(ValueError):
        median_sequence(values)


def coin(rng: random.Random) -> Block:
    return (rng.choice((-1.0, 1.0)),)


def rare_loss(rng: random.Random) -> Block:
    return tuple(-1.0 if rng.random() < 0.05 else 1 / 19 for _ in range(4))


def rare_gain(rng: random.Random) -> Block:
    return tuple(1.0 if rng.random() < 0.05 else -1 / 19 for _ in range(4))


def strata(rng: random.Random) -> Block:
    """No draw has mean 0, the block has: two strata in a fixed order, which single looks would exploit."""
    return tuple((1.0 if rng.random() < p else -1.0) for p in (0.9, 0.1, 0.7, 0.3))


def small(rng: random.Random) -> Block:
    return tuple(max(-1.0, min(1.0, rng.gauss(0, 0.03))) for _ in range(16))


def drifting() -> Draw:
    """Blocks whose spread follows their own past: dependent, but of mean 0 given what came before."""
    last = [0.5]

    def draw(rng: random.Random) -> Block:
        last[0] = rng.choice((-1, 1)) * min(1.0, 0.1 + abs(last[0]) * rng.random() * 1.5)
        return (last[0],)

    return draw


WORLDS = {
    "coin": coin, "rare_loss": rare_loss, "rare_gain": rare_gain, "strata": strata, "small": small,
    "drifting": drifting(),
}  # fmt: skip


def misses(draw: Draw, tries: int, blocks: int, seed: int) -> int:
    """How many of ``tries`` people who look after every block ever see 0, the truth, outside the interval.

    The interval is a running intersection, so the last one tells of all looks.
    """
    rng, found = random.Random(seed), 0
    for _ in range(tries):
        last = mean_sequence([draw(rng) for _ in range(blocks)], 1.0)
        found += not last.low <= 0.0 <= last.high
    return found


@pytest.mark.parametrize("name", WORLDS)
def test_the_mean_is_seldom_ever_outside(name: str) -> None:
    assert misses(WORLDS[name], 80, 40, seed=1) <= 80 * 0.05 + 3.1 * math.sqrt(80 * 0.05 * 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_the_mean_is_ever_outside_in_fewer_than_one_of_twenty(name: str) -> None:
    assert misses(WORLDS[name], 1000, 80, seed=2) <= 1000 * 0.05


def test_looking_after_every_block_costs_students_interval_its_coverage() -> None:
    """So the tests above can fail: the same people, with an interval that holds at one look only."""
    rng, missed = random.Random(1), 0
    for _ in range(80):
        values = [math.fsum(small(rng)) / 16 for _ in range(40)]
        intervals = (mean_interval(values[:n]) for n in range(3, 41))
        missed += any(not found.low <= 0 <= found.high for found in intervals)
    assert missed > 80 * 0.05 + 3.1 * math.sqrt(80 * 0.05 * 0.95)


def test_an_interval_from_more_blocks_lies_within_that_from_fewer() -> None:
    rng = random.Random(4)
    blocks = [coin(rng) for _ in range(60)]
    found = [mean_sequence(blocks[:n], 1.0) for n in range(1, 61)]
    for before, after in itertools.pairwise(found):
        assert before.low - 1e-9 <= after.low <= after.value <= after.high <= before.high + 1e-9


def grid_interval(blocks: list[Block], span: float, points: int) -> tuple[float, float]:
    """Every candidate mean on a grid, its two wealths as products of all bets, no bounds and no halving."""
    means = np.linspace(-span, span, points)[1:-1, None, None]
    shares = 0.9 / 2.0 ** np.arange(12)[None, :, None]
    long = np.zeros((points - 2, 12))
    short, kept = long.copy(), np.ones(points - 2, dtype=bool)
    for block in blocks:
        x = np.array(block)[None, None, :]
        long += np.log1p(shares * (x - means) / (span + means)).sum(axis=2)
        short += np.log1p(shares * (means - x) / (span - means)).sum(axis=2)
        mixed = np.logaddexp(np.logaddexp.reduce(long, axis=1), np.logaddexp.reduce(short, axis=1)) - math.log(24)
        kept &= mixed < math.log(20)
    inside = means[kept, 0, 0]
    return float(inside.min()), float(inside.max())


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_interval_contains_that_of_a_second_implementation_and_is_hardly_wider(name: str, shift: float) -> None:
    rng = random.Random(5)
    blocks = [tuple(min(1.0, x + shift) for x in WORLDS[name](rng)) for _ in range(60)]
    found, (low, high) = mean_sequence(blocks, 1.0), grid_interval(blocks, 1.0, 1001)
    assert found.low <= low and high <= found.high
    assert found.high - found.low <= 1.12 * (high - low) + 2 * 0.002


@settings(max_examples=60)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30), st.floats(-2.9, 2.9), st.booleans())
def test_the_wealth_is_never_taken_for_more_than_it_is(draws: list[float], mean: float, extreme: bool) -> None:
    values = [math.copysign(3.0, x) for x in draws] if extreme else draws
    sums = effect._Sums()
    sums.add(values)
    shares = np.array([0.9 / 2**i for i in range(12)])
    bets = np.log1p(np.outer((np.array(values) - mean) / (3.0 + mean), shares)).sum(axis=0)
    exact = float(np.logaddexp.reduce(bets) - math.log(12))
    assert sums.log_wealth(mean, 3.0) <= exact + 1e-9 * max(1.0, abs(exact))


def test_the_interval_narrows_to_a_small_mean_of_many_draws() -> None:
    """Log-losses: 30 blocks of 256 draws, span 20, spread 1, mean .05."""
    rng = random.Random(6)
    found = mean_sequence([tuple(rng.gauss(0.05, 1) for _ in range(256)) for _ in range(30)], 20.0)
    assert found.low <= 0.05 <= found.high and found.high - found.low < 0.09 and found.n == 30


@pytest.mark.parametrize(
    ("blocks", "span"),
    [([], 1.0), ([()], 1.0), ([(0.0,), ()], 1.0), ([(1.5,)], 1.0), ([(math.nan,)], 1.0), ([(0.0,)], 0.0),
     ([(0.0,)], math.inf), ([(0.0,)], math.nan)],
)  # fmt: skip
def test_no_interval_for_a_mean_without_bounded_draws(blocks: list[Block], span: float) -> None:
    with pytest.raises(ValueError):
        mean_sequence(blocks, span)


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.37, 1.0])
def test_draws_that_are_all_equal_have_an_interval(value: float) -> None:
    found = mean_sequence([(value,)] * 50, 1.0)
    assert found.low <= value <= found.high and found.value == pytest.approx(value)
    assert found.high - found.low < 0.35


@given(st.lists(st.lists(st.floats(-9, 9), min_size=8, max_size=8), min_size=3, max_size=30))
def test_pairing_agrees_with_numpy(rows: list[list[float]]) -> None:
    found, table = pairing(rows), np.array(rows)
    ours, theirs = table[:, :4].mean(axis=1), table[:, 4:].mean(axis=1)
    if min(ours.var(), theirs.var(), (theirs - ours).var()) < 1e-6:
        return
    assert found.correlation == pytest.approx(np.corrcoef(ours, theirs)[0, 1], abs=1e-6)
    ratio = (ours.var(ddof=1) + theirs.var(ddof=1)) / (theirs - ours).var(ddof=1)
    assert found.ratio == pytest.approx(ratio) and found.saved == pytest.approx(len(rows) * (ratio - 1), abs=1e-6)
    singles = (table[:, 4:] - table[:, :4]).ravel()
    assert found.strata == pytest.approx(singles.var(ddof=1) / 4 / (theirs - ours).var(ddof=1))


def test_common_random_numbers_save_the_pairs_that_their_correlation_says() -> None:
    """Equal spreads and correlation r: the ratio is 1 / (1 - r)."""
    rng, rows = random.Random(7), []
    for _ in range(4000):
        shared = rng.gauss(0, 2)
        rows.append([shared + rng.gauss(0, 1), shared + rng.gauss(0, 1)])
    found = pairing(rows)
    assert found.correlation == pytest.approx(0.8, abs=0.03) and found.ratio == pytest.approx(5, rel=0.1)
    assert found.saved == pytest.approx(16_000, rel=0.15) and found.strata is None


def test_strata_are_worth_what_lies_between_them() -> None:
    """Within strata spread 1, between them 2: unstratified draws have variance 5, stratified ones 1."""
    rng = random.Random(8)
    rows = [[0.0] * 4 + [side * 2 + rng.gauss(0, 1) for side in (-1, -1, 1, 1)] for _ in range(3000)]
    assert pairing(rows).strata == pytest.approx(5, rel=0.1)


def test_what_never_varies_has_no_correlation() -> None:
    found = pairing([[1.0, 2.0]] * 5)
    assert (found.n, found.correlation, found.ratio, found.saved, found.strata) == (5, None, None, None, None)


@pytest.mark.parametrize("rows", [[], [[1.0, 2.0]], [[1.0, 2.0, 3.0]] * 3, [[1.0, 2.0], [1.0] * 4], [[], []]])
def test_pairing_needs_rows_of_one_even_length(rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="two rows"):
        pairing(rows)
