"""Scale, race, seeds and effects: the parts around the bets."""

from __future__ import annotations

import hashlib
import hmac
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.certify import effect, scale, seeds
from selfproof.certify.race import PRESETS, Preset, standing, winsorised_t

values = st.lists(st.floats(-100, 100), min_size=1, max_size=40)


@given(values)
def test_the_scale_is_positive_finite_and_follows_its_data(found: list[float]) -> None:
    spread = scale.robust_scale(found, declared_range=7.0)
    assert 0 < spread < math.inf
    assert scale.robust_scale(found[::-1], declared_range=7.0) == pytest.approx(spread)


def test_the_scale_falls_back_step_by_step() -> None:
    assert scale.robust_scale([1.0, 2.0, 3.0, 4.0, 100.0], 7.0) == pytest.approx(1.4826)
    assert scale.robust_scale([0.0, 0.0, 0.0, 0.0, 5.0], 7.0) == pytest.approx(1.0)
    assert scale.robust_scale([0.25] * 9, 7.0) == 7.0


@pytest.mark.parametrize("found", [[], [math.nan], [1.0, math.inf]])
def test_no_scale_without_finite_differences(found: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        scale.robust_scale(found, 1.0)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_clipping_keeps_the_sign_and_the_bounds(difference: float, spread: float) -> None:
    clipped = scale.clipped(difference, spread)
    assert -1 <= clipped <= 1
    assert clipped == 0 or math.copysign(1, clipped) == math.copysign(1, difference)
    if abs(difference) < 1.5 * spread:
        assert clipped == pytest.approx(difference / (1.5 * spread))


def test_robust_t_of_equal_differences() -> None:
    assert scale.robust_t([0.1] * 12) == math.inf
    assert scale.robust_t([-0.1] * 12) == -math.inf
    assert scale.robust_t([0.0] * 12) == 0.0


def raced(preset: Preset, mean: float, rng: random.Random) -> tuple[str, int]:
    """How a race against differences of this mean ends, and after how many pairs."""
    differences = [rng.gauss(mean, 1)]
    while (at := standing(preset, differences)) == "on":
        differences.append(rng.gauss(mean, 1))
    return at, len(differences)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_race_lets_clear_gains_through_and_most_losses_not(preset: Preset) -> None:
    rng = random.Random(1)
    gains = [raced(preset, 2, rng) for _ in range(200)]
    losses = [raced(preset, -1, rng) for _ in range(200)]
    assert sum(at == "through" for at, _ in gains) >= 180
    assert sum(at == "through" for at, _ in losses) <= 2
    assert sum(pairs for _, pairs in losses) / 200 < 4
    assert max(pairs for _, pairs in [*gains, *losses]) <= preset.most_pairs


def test_the_race_uses_differences_of_which_most_are_zero() -> None:
    """A median would be 0 here, however often the candidate alone passes."""
    assert winsorised_t([0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0]) == pytest.approx(math.sqrt(3))
    assert winsorised_t([0.0] * 5) == 0.0
    assert winsorised_t([1.0, 1.0, 1.0, -1e6]) == pytest.approx((3 - 1.4826) / math.sqrt(3 + 1.4826**2))


def test_seeds_are_the_hmac_that_an_auditor_recomputes() -> None:
    key = bytes(range(32))
    wanted = hmac.new(key, b"confirm|c0ffee|memory|3|12", hashlib.sha256).hexdigest()
    assert seeds.derive(key, "confirm", "c0ffee", "memory", 3, 12) == int(wanted, 16)
    assert seeds.commitment(key) == hashlib.sha256(key).hexdigest()
    with pytest.raises(ValueError, match="must not contain"):
        seeds.derive(key, "confirm|c0ffee", 3)


def test_no_two_purposes_share_a_seed() -> None:
    key = seeds.new_epoch_key(5, 1)
    purposes = [
        (what, candidate, counter, k, j)
        for what in ("confirm", "guard", "canary")
        for candidate in ("a", "b")
        for counter in ("memory", "control-memory")
        for k in range(1, 6)
        for j in range(60)
    ]
    assert len({seeds.derive(key, *purpose) for purpose in purposes}) == len(purposes)


def test_epoch_keys_repeat_only_with_an_operators_seed() -> None:
    assert seeds.new_epoch_key(5, 1) == seeds.new_epoch_key(5, 1)
    assert len({seeds.new_epoch_key(5, 1), seeds.new_epoch_key(5, 2), seeds.new_epoch_key(6, 1)}) == 3
    assert seeds.new_epoch_key(None, 1) != seeds.new_epoch_key(None, 1)
    assert len(seeds.new_epoch_key(None, 1)) == len(seeds.new_epoch_key(0, 1)) == 32


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (10, 2.2281), (29, 2.0452), (39, 2.0227), (200, 1.9719)],
)
def test_students_quantile_is_the_tables(freedom: int, quantile: float) -> None:
    assert effect.student_t(freedom) == pytest.approx(quantile, abs=0.003)


def coverage(interval: object, truth: float, draw: object, n: int, tries: int = 400) -> float:
    rng = random.Random(11)
    found = [interval([draw(rng) for _ in range(n)]) for _ in range(tries)]  # type: ignore[operator]
    return sum(e.low <= truth <= e.high for e in found) / tries


def test_intervals_cover_what_they_say() -> None:
    assert coverage(effect.mean_interval, 2.0, lambda r: r.gauss(2, 3), 30) >= 0.92
    skewed = math.log(2)
    assert coverage(effect.median_interval, skewed, lambda r: r.expovariate(1), 12) >= 0.93
    assert coverage(effect.median_interval, skewed, lambda r: r.expovariate(1), 6) >= 0.93


@pytest.mark.parametrize("n", range(6, 60))
def test_the_medians_interval_has_exactly_binomial_coverage(n: int) -> None:
    """Ranks r and n-1-r: coverage is P(r < Binomial(n, 1/2) <= n-1-r), at least 95%; one rank further in it is not."""
    found = effect.median_interval([float(i) for i in range(n)])
    rank = int(found.low)
    assert found.high == n - 1 - rank
    outside = [2 * sum(math.comb(n, i) for i in range(r + 1)) / 2**n for r in (rank, rank + 1)]
    assert outside[0] <= 0.05 < outside[1]


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_the_mean_lies_in_its_interval(found: list[float]) -> None:
    estimate = effect.mean_interval(found)
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate.value == pytest.approx(statistics.fmean(found), abs=1e-9)


def test_too_few_values_have_no_interval() -> None:
    with pytest.raises(ValueError, match="two"):
        effect.mean_interval([1.0])
    with pytest.raises(ValueError, match="six"):
        effect.median_interval([1.0] * 5)


@given(st.integers(1, 500), st.floats(1e-4, 0.5))
def test_the_blind_spot_is_the_rate_that_stays_unseen_with_probability_alpha(pairs: int, alpha: float) -> None:
    assert (1 - effect.blind_spot(pairs, alpha)) ** pairs == pytest.approx(alpha)
    assert effect.blind_spot(0, alpha) == 1.0
