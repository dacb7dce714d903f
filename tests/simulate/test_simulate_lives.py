"""Simulated lives: the gate keeps its promise, whoever proposes; a broken gate and greedy rules are seen not to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from selfproof.certify import race, spending
from selfproof.certify.gate import Confirmation
from selfproof.certify.terms import Pair, Verdict
from selfproof.simulate import gates, players, worlds
from selfproof.simulate.exactly import binomial_cdf, student_tail, upper_bound
from selfproof.simulate.noise import sharpened, skewed
from selfproof.simulate.runner import Plan, live, report, simulate

ALPHA = gates.ALPHA


def lived(world: worlds.World, count: int, candidates: int, **how: Any) -> dict[str, Any]:
    plan = Plan(world, worlds=count, candidates=candidates, seed=how.pop("seed", 1), **how)
    return report(plan, simulate(plan, processes=1))


def too_many(count: int) -> int:
    """More worlds with something false than a gate that keeps its promise shows once in a thousand times."""
    return next(n for n in range(count + 1) if binomial_cdf(n, count, ALPHA) > 0.999)


def in_worlds(row: dict[str, Any]) -> int:
    return round(row["any_false"]["rate"] * row["worlds"])


NULLS = [*(worlds.named("null", family) for family in "BSH"), worlds.named("drift")]
NULLS.append(worlds.named("skewed:20%", block=16))


@pytest.mark.parametrize("world", NULLS, ids=lambda w: f"{w.name} {type(w.noise).__name__}")
@pytest.mark.parametrize("preset", race.PRESETS)
def test_where_nothing_is_better_hardly_anything_is_adopted(world: worlds.World, preset: str) -> None:
    row = lived(world, 15, 500, preset=preset)
    assert row["confirmations"] > 30  # the gate was asked
    assert in_worlds(row) <= too_many(15)


@pytest.mark.slow
@pytest.mark.parametrize("world", NULLS, ids=lambda w: f"{w.name} {type(w.noise).__name__}")
@pytest.mark.parametrize("gate", ["race", "race-fdr"])
def test_the_bound_holds_over_many_long_lives(world: worlds.World, gate: str) -> None:
    row = lived(world, 300, 2000, gate=gate)
    assert row["any_false"]["upper95"] <= ALPHA + 0.01


@pytest.mark.parametrize("player", players.PLAYERS)
def test_no_proposer_gets_more_out_of_the_gate(player: str) -> None:
    row = lived(worlds.named("null", "H"), 15, 400, player=player)
    assert row["confirmations"] > 50
    assert in_worlds(row) <= too_many(15)


@pytest.mark.slow
@pytest.mark.parametrize("player", players.PLAYERS)
def test_no_proposer_gets_more_out_of_the_gate_in_many_lives(player: str) -> None:
    assert lived(worlds.named("null", "S"), 300, 1000, player=player)["any_false"]["upper95"] <= ALPHA + 0.01


def test_the_players_would_get_something_if_alpha_were_not_spent() -> None:
    """The same proposers against each confirmation at alpha: the simulation can see what spending is for."""
    for player in ("resubmits", "grinds", "abandons"):
        row = lived(worlds.named("null", "S"), 15, 400, player=player, gate="race-unspent")
        assert in_worlds(row) > too_many(15), player


def test_a_gate_that_always_certifies_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Confirmation, pair: Pair) -> Verdict:
        self.take(pair)
        return Verdict("certified", "always", 1, 9.0, None, 1.0)

    monkeypatch.setattr(Confirmation, "add", broken)
    row = lived(worlds.named("mixed"), 10, 300)
    assert row["any_false"] == {"rate": 1.0, "upper95": 1.0}


def test_a_gate_that_never_certifies_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfproof.certify.gate.FUTILITY_FROM", 1)
    monkeypatch.setattr("selfproof.certify.gate.FUTILITY_WEALTH", -math.inf)
    row = lived(worlds.named("mixed"), 5, 300)
    assert row["adopted"] == 0
    assert row["runs_per_true_adoption"] is None


@pytest.mark.parametrize("gate", ["greedy", "greedy5", "ttest", "ttest-peek"])
def test_rules_that_prove_nothing_adopt_junk(gate: str) -> None:
    row = lived(worlds.named("null", "H"), 8, 300, gate=gate)
    assert row["any_false"]["rate"] == 1.0
    assert row["true"] == 0


@pytest.mark.parametrize(("family", "runs"), [("B", 1076), ("S", 1252), ("H", 1555)])
def test_a_true_adoption_costs_no_more_runs_than_the_race_by_rungs_took(family: str, runs: int) -> None:
    row = lived(worlds.named("mixed", family), 20, 1000)
    assert row["runs_per_true_adoption"] < runs
    assert row["harmful"] == 0
    assert row["power"] > 0.35


def test_caching_saves_runs_and_changes_no_verdict() -> None:
    plain, cached = (lived(worlds.named("mixed"), 5, 400, cached=c) for c in (False, True))
    assert cached["adopted"] == plain["adopted"] > 0
    assert cached["runs"] < 0.8 * plain["runs"]


def test_spending_goes_by_confirmation_and_by_objective() -> None:
    gate = gates.Race(worlds.named("null"), race.PRESETS["lean"], objectives=2)
    first = [gate.open([0.1] * 6, objective).level for objective in (0, 1, 0, 0, 1)]
    half = [spending.level(ALPHA, 0.5, k) for k in (1, 2, 3)]
    assert first == pytest.approx([half[0], half[0], half[1], half[2], half[1]])


def test_blocks_and_the_second_bet_stop_what_is_better_in_most_draws_only() -> None:
    alone = worlds.named("skewed:1%", block=1, second_bet=False, mean=-worlds.MARGIN)
    assert lived(alone, 3, 60)["any_false"]["rate"] == 1.0
    assert lived(worlds.named("skewed:1%", block=16, mean=-worlds.MARGIN), 5, 100)["adopted"] == 0
    sharper = worlds.named("skewed:sharper", block=1, second_bet=False)
    assert lived(sharper, 3, 60)["any_false"]["rate"] == 1.0
    assert lived(worlds.named("skewed:sharper", block=256), 3, 100)["adopted"] == 0


def test_rare_losses_fool_it_and_the_third_bet_does_not() -> None:
    import dataclasses

    lossy = worlds.named("rare-loss")
    assert lived(lossy, 5, 100)["any_false"]["rate"] == 1.0
    third = dataclasses.replace(lossy, loss=0.5, loss_rate=0.01)
    assert lived(third, 3, 60)["adopted"] == 0


def test_figures_do_not_depend_on_the_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfproof.simulate.runner._WORTH_A_PROCESS", 0.0)
    plan = Plan(worlds.named("mixed"), candidates=60, worlds=5, seed=4)
    seen: list[tuple[int, int]] = []
    assert simulate(plan, processes=2, progress=lambda *at: seen.append(at)) == [live(plan, i) for i in range(5)]
    assert seen == [(n, 5) for n in range(1, 6)]


def test_effects_are_what_the_world_says() -> None:
    rng = np.random.default_rng(5)
    for family, noise in worlds.FAMILIES.items():
        drawn = noise.draw(rng, np.full((1, 1), 0.6), 200_000)[0]
        spread = drawn.std() if family != "H" else 1.4826 * np.median(np.abs(drawn - np.median(drawn)))
        assert drawn.mean() / spread == pytest.approx(0.6, rel=0.03), family
    kinds, effects = worlds.named("mixed").population(rng, 40_000)
    shares = [float(np.mean(effects == 0)), float(np.mean(effects < 0)), float(np.mean(effects > 0))]
    assert shares == pytest.approx([0.75, 0.20, 0.05], abs=0.01)
    assert set(kinds.tolist()) == {0, 1, 2}
    assert np.abs(effects[effects != 0]).min() >= 0.1
    assert np.abs(effects).max() <= 1.0


def test_skewed_worlds_are_better_in_most_draws_and_not_in_the_mean() -> None:
    assert skewed(0.01, 1).mean == pytest.approx(0.0, abs=1e-15)
    assert skewed(0.05, 1, mean=-0.02).mean == pytest.approx(-0.02)
    surer = sharpened(1.5, 1)
    assert surer.mean < -worlds.MARGIN
    assert max(map(abs, surer.values)) < worlds.SPAN
    gains = sum(chance for value, chance in zip(surer.values, surer.chances, strict=True) if value > 0)
    assert gains > 0.5


@pytest.mark.parametrize(("events", "trials", "bound"), [(0, 40, 0.0722), (1, 40, 0.1132), (3, 100, 0.0757), (5, 5, 1)])
def test_upper_bounds_are_clopper_and_pearsons(events: int, trials: int, bound: float) -> None:
    assert upper_bound(events, trials) == pytest.approx(bound, abs=1e-4)


@pytest.mark.parametrize(
    ("t", "freedom", "tail"), [(1.699, 29, 0.05), (2.756, 29, 0.005), (4.0, 5, 0.005162), (0, 9, 0.5)]
)
def test_students_tail(t: float, freedom: int, tail: float) -> None:
    assert student_tail(t, freedom) == pytest.approx(tail, rel=2e-3)
