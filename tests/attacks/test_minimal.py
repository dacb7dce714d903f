"""Minimal sets of layers: found in made-up worlds, and in the real one for attacks whose set is known."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import pytest

from selfproof.attacks import minimal as minimal_module
from selfproof.attacks import suite
from selfproof.attacks.minimal import Search


def world(
    monkeypatch: pytest.MonkeyPatch, truth: dict[str, list[set[str]]], impossible: set[str] = frozenset()
) -> list[int]:  # type: ignore[assignment]
    """Make `run` say that an attack gets through exactly without one of its sets; return a list that counts runs."""
    runs: list[int] = []

    def run(tier: str, *, without: Iterable[str], names: list[str], progress: object) -> list[suite.Row]:
        out = set(without)
        if impossible and not impossible & out:
            raise suite.EngineFailed("no")
        runs.append(len(names))
        return [suite.Row(name, "", any(one <= out for one in truth[name]), (), 0.0, "ok") for name in names]

    monkeypatch.setattr(minimal_module, "run", run)
    return runs


def test_sets_are_minimal_whatever_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    layers = suite.LAYERS
    truth = {f"a{i}": [set(rng.sample(layers, rng.randint(1, 5))) for _ in range(rng.randint(1, 3))] for i in range(60)}
    runs = world(monkeypatch, truth)
    found = Search().minimal(truth)
    for name, one in found.items():
        assert any(known <= one for known in truth[name]), name
        assert not any(known < one for known in truth[name]), name
    assert len(found) == 60 and sum(runs) < 60 * 2 ** len(layers) / 100


def test_one_layer_costs_a_logarithm_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = world(monkeypatch, {"a": [{"protocol"}]})
    assert Search().minimal(["a"]) == {"a": frozenset({"protocol"})}
    assert len(runs) <= 18 < 2 * len(suite.LAYERS)


def test_attacks_share_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = world(monkeypatch, {"a": [{"protocol"}]})
    Search().minimal(["a"])
    together = world(monkeypatch, {name: [{"protocol"}] for name in "abcdef"})
    Search().minimal("abcdef")
    assert len(together) == len(alone)


def test_what_never_gets_through_has_no_set(monkeypatch: pytest.MonkeyPatch) -> None:
    world(monkeypatch, {"a": [], "b": [{"uid"}]})
    assert Search().minimal(["a", "b"]) == {"b": frozenset({"uid"})}


def test_several_sets_are_found_and_each_layer_gets_its_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = {"a": [{"pidns"}, {"protocol"}, {"reap"}]}
    world(monkeypatch, truth)
    found = Search().sets(truth)["a"]
    assert {frozenset(one) for one in truth["a"]} == set(found)


def test_a_set_with_which_no_worker_starts_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    world(monkeypatch, {"a": [{"uid"}]}, impossible={"netns"})
    search = Search()
    assert search.minimal(["a"]) == {"a": frozenset({"uid", "netns"})} and search.impossible


def test_the_sets_of_attacks_that_need_one_layer() -> None:
    """`none` has no layer of the system, so the search is over the suite's own two."""
    search = Search("none", layers=("fresh", "protocol"))
    found = search.minimal(["forging/import_answers", "persistence/module"])
    assert found == {"forging/import_answers": frozenset({"protocol"}), "persistence/module": frozenset({"fresh"})}
    assert all(len(one) == 1 for one in itertools.chain(found.values()))
