"""The sharpening attack: an incumbent that is merely surer of itself wins most single draws and loses on average.

Certified in a third to three quarters of all tries by a gate that bets on single positions; never by this one. The
draws, the race's scale, the pairs and the confirmation are the product's own; only the jail is left out, for speed.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from selfproof.certify.gate import Confirmation
from selfproof.certify.pairs import quality_pair
from selfproof.certify.race import PRESETS
from selfproof.certify.scale import robust_scale
from selfproof.certify.spending import level
from selfproof.certify.terms import Pair, Rule, Verdict
from selfproof.trial.task import Sample

PANEL = 12
MARGIN = 0.02
Predict = Callable[[Any], Any]


def sharpened(predict: Predict, power: float) -> Predict:
    def surer(counts: Any) -> Any:
        raised = predict(counts).astype(np.float64) ** power
        return raised / raised.sum(axis=1, keepdims=True)

    return surer


def pairs(task: Any, one: Predict, two: Predict, samples: Sequence[Sample]) -> list[Pair]:
    """As the engine pairs them: both versions on the same positions, scored by the task."""
    rows = [(*task.draws(s, one(s.value)), *task.draws(s, two(s.value))) for s in samples]
    return [quality_pair(row, task.better) for row in rows]


def confirm(task: Any, incumbent: Predict, candidate: Predict, seed: int, k: int = 1) -> tuple[Verdict, list[Pair]]:
    """Race for the scale, then a confirmation on fresh blocks; the verdict and the pairs it saw."""
    raced = pairs(task, incumbent, candidate, task.samples("explore", seed, PANEL))
    scale = robust_scale([pair.y for pair in raced], declared_range=task.span)
    rule = Rule(level(0.05, 0.4, k), scale, PRESETS["lean"].confirm_pairs, margin=MARGIN, span=task.span)
    confirmation, seen = Confirmation(rule), []
    verdict = confirmation.verdict
    while verdict.answer == "undecided":
        fresh = task.samples("confirm", seed * 10_000 + len(seen), 1)
        seen += pairs(task, incumbent, candidate, fresh)
        verdict = confirmation.add(seen[-1])
    return verdict, seen


def attacks(task: Any, incumbent: Predict, tries: int, seed: int) -> tuple[int, float, float]:
    """How many attacks are certified; how often a single draw gains; the mean loss."""
    rng = random.Random(seed)
    through, wins, losses = 0, [], []
    for number in range(tries):
        power = 1.2 + 1.8 * number / (tries - 1)
        verdict, seen = confirm(task, incumbent, sharpened(incumbent, power), rng.getrandbits(40), 1 + number % 5)
        through += verdict.answer == "certified"
        parts = [part for pair in seen for part in pair.parts]
        wins.append(statistics.fmean(part > 0 for part in parts))
        losses.append(-statistics.fmean(parts))
    return through, statistics.fmean(wins), min(losses)


def test_a_sharpened_memory_is_never_certified(task: Any, witten_bell: Predict) -> None:
    through, wins, least_loss = attacks(task, witten_bell, 24, seed=1)
    assert wins > 0.5 and least_loss > 0, "not the attack that this test is about"
    assert through == 0


@pytest.mark.slow
def test_nor_in_two_hundred_tries(task: Any, witten_bell: Predict) -> None:
    assert attacks(task, witten_bell, 200, seed=2)[0] == 0


def test_a_real_gain_passes_the_same_way(task: Any, add_one: Predict, witten_bell: Predict) -> None:
    """So that the tests above do not pass because nothing ever does."""
    for seed in range(4):
        verdict, _ = confirm(task, add_one, witten_bell, seed)
        assert verdict.answer == "certified" and verdict.pairs <= 40


def one_hot(predict: Predict) -> Predict:
    def certain(counts: Any) -> Any:
        guess = predict(counts)
        return np.eye(guess.shape[1], dtype=np.float32)[guess.argmax(axis=1)]

    return certain


def test_all_mass_on_one_symbol_gains_nothing(task: Any, witten_bell: Predict, add_one: Predict) -> None:
    for incumbent in (witten_bell, add_one):
        verdict, seen = confirm(task, incumbent, one_hot(incumbent), seed=3)
        assert verdict.answer == "refused"
        assert statistics.fmean(pair.y for pair in seen) < 0


@pytest.mark.parametrize("factor", [1e-30, 3.0, 1e20])
def test_more_or_less_than_a_whole_distribution_gains_nothing(task: Any, witten_bell: Predict, factor: float) -> None:
    sample = task.samples("explore", 4, 1)[0]
    honest = witten_bell(sample.value).astype(np.float64)
    assert task.draws(sample, honest * factor) == pytest.approx(task.draws(sample, honest), abs=1e-9)
    scaled = honest * np.geomspace(1e-9, 1e9, len(honest))[:, None]
    assert task.draws(sample, scaled) == pytest.approx(task.draws(sample, honest), abs=1e-9)


def test_the_same_memory_twice_is_refused(task: Any, witten_bell: Predict) -> None:
    for seed in range(3):
        assert confirm(task, witten_bell, witten_bell, seed)[0].answer == "refused"
