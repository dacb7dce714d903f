"""The gate's arithmetic against two public packages that share no line with it.

``online-fdr`` (BSD-3) has an e-process that multiplies bets and e-LOND with a gamma sequence of one's own; ``ville``
(BSD-3) has the betting confidence sequence of Waudby-Smith & Ramdas and one for quantiles. Both are dependencies of the
tests only. Neither has our mixture of eight fixed bets as such, so wealth is put together from single ones.
"""

from __future__ import annotations

import math
import random

import pytest
from online_fdr.core.abstract.abstract_gamma_seq import AbstractGammaSequence
from online_fdr.e_values.processes import BettingEProcess, MixtureLikelihoodRatioEProcess
from online_fdr.e_values.sequential import ELond
from ville import BettingCS, QuantileCS
from ville.evalues import combine

from selfproof.certify import Pair, Rule, gamma, judge, level, log_wealth, mean_sequence, median_sequence

STAKES = (0.05, 0.10, 0.17, 0.27, 0.40, 0.55, 0.72, 0.90)


@pytest.mark.parametrize("seed", range(12))
def test_the_e_value_is_that_of_online_fdrs_processes(seed: int) -> None:
    """Eight single bets averaged by ville, and the mixture kept as logarithms, both on the same outcomes."""
    rng = random.Random(seed)
    outcomes = [max(-1.0, min(1.0, rng.gauss(0.1, 0.5))) for _ in range(40 * (seed + 1))]
    singles = [BettingEProcess(stake) for stake in STAKES]
    mixture = MixtureLikelihoodRatioEProcess([lambda z, stake=stake: math.log1p(stake * z) for stake in STAKES])
    for z in outcomes:
        mixture.update(z)
        for process in singles:
            process.update(z)
    ours = math.exp(log_wealth(outcomes))
    assert ours == pytest.approx(mixture.current, rel=1e-9)
    assert ours == pytest.approx(float(combine([process.current for process in singles])), rel=1e-9)


def test_a_verdicts_e_value_is_the_oracles_at_the_pair_that_decided() -> None:
    rng = random.Random(3)
    ys = [rng.gauss(0.8, 1) for _ in range(400)]
    verdict = judge(Rule(level=0.01, scale=0.9, most_pairs=500, minimum=0.05), [Pair(y) for y in ys])
    mixture = MixtureLikelihoodRatioEProcess([lambda z, stake=stake: math.log1p(stake * z) for stake in STAKES])
    values = [mixture.update(max(-1.0, min(1.0, (y - 0.05) / 1.35))) for y in ys[: verdict.pairs]]
    assert verdict.answer == "certified" and values[-1] >= 100 > max(values[:-1])
    assert math.exp(verdict.log_wealth) == pytest.approx(values[-1], rel=1e-9)


class OurGammas(AbstractGammaSequence):
    """The sequence that certify.spending states, written from its formula."""

    def calc_gamma(self, j: int, **ignored: object) -> float:
        del ignored
        return 0.93 / ((j + 2) * math.log(j + 2) ** 2)


def test_levels_are_those_of_e_lond() -> None:
    rng, oracle, adopted = random.Random(4), ELond(0.05, gamma_seq=OurGammas()), 0
    for k in range(1, 400):
        e_value = 10 ** rng.uniform(0, 6)
        ours = level(0.05, 1.0, k, fdr_adoptions=adopted)
        rejected = oracle.test_one(e_value)
        assert ours == pytest.approx(oracle.current_level, rel=1e-12)
        assert rejected == (e_value >= 1 / ours)
        adopted += rejected
    assert adopted > 20


def test_without_discoveries_they_are_those_of_plain_spending() -> None:
    oracle = ELond(0.05, gamma_seq=OurGammas())
    for k in range(1, 200):
        oracle.test_one(0.0)
        assert oracle.current_level == pytest.approx(0.05 * gamma(k), rel=1e-12) == pytest.approx(level(0.05, 1.0, k))


@pytest.mark.parametrize("spread", [0.05, 0.3, 0.8])
def test_the_means_interval_is_like_villes(spread: float) -> None:
    """Other bets (predictable ones), the same wealth process otherwise: they overlap, and none is twice as wide."""
    rng = random.Random(5)
    draws = [max(-1.0, min(1.0, rng.gauss(0.1, spread))) for _ in range(600)]
    ours = mean_sequence([(x,) for x in draws], 1.0)
    low, high = BettingCS(bounds=(-1.0, 1.0), grid=4000).fit(draws).interval()
    assert max(low, ours.low) < min(high, ours.high)
    assert 0.5 < (ours.high - ours.low) / (high - low) < 2


@pytest.mark.parametrize("n", [40, 300, 2000])
def test_the_medians_interval_is_like_villes(n: int) -> None:
    rng = random.Random(6)
    values = [rng.expovariate(1) for _ in range(n)]
    ours = median_sequence(values)
    low, high = QuantileCS(0.5, t_opt=n, intersect=False).fit(values).interval()
    assert max(low, ours.low) < min(high, ours.high)
    assert 0.6 < (ours.high - ours.low) / (high - low) < 1.6
