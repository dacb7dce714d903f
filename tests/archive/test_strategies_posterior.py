"""Strategies that draw from Beta posteriors: clades by brute force, rules at their borders, draws as integrals say."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from archive_forests import forests, shuffled
from hypothesis import given
from hypothesis import strategies as st

from selfproof.archive.strategies import Evaluate, Evidence, Expand, Node, named
from selfproof.archive.strategies.beta import beta_cdf, beta_quantile
from selfproof.archive.strategies.nodes import clade_means, clades
from selfproof.archive.strategies.posterior import Hgm, Thompson


def descends(evidence: Evidence, node: Node, name: str) -> bool:
    """Whether a node is in the clade of that name, by walking up."""
    above = {n.id: n for n in evidence.nodes}
    at: Node | None = node
    while at is not None and at.id != name:
        at = None if at.parent is None else above[at.parent]
    return at is not None


@given(forests(most=12))
def test_clades_are_what_brute_force_over_descendants_gives(evidence: Evidence) -> None:
    found, means = clades(evidence), clade_means(evidence)
    for node in evidence.nodes:
        members = [other for other in evidence.nodes if descends(evidence, other, node.id)]
        passed, failed = sum(n.passed for n in members), sum(n.failed for n in members)
        assert found[node.id] == (passed, failed)
        if passed + failed:
            assert means[node.id] == passed / (passed + failed)
        else:
            assert node.id not in means


@given(forests(most=12), st.integers(1, 40))
def test_a_cap_scales_a_nodes_own_record_in_its_own_clade_only(evidence: Evidence, cap: int) -> None:
    found = clades(evidence, cap)
    for node in evidence.nodes:
        below = [n for n in evidence.nodes if n.id != node.id and descends(evidence, n, node.id)]
        factor = min(1.0, cap / node.runs) if node.runs else 1.0
        assert found[node.id].passed == pytest.approx(factor * node.passed + sum(n.passed for n in below))
        assert found[node.id].failed == pytest.approx(factor * node.failed + sum(n.failed for n in below))


@given(forests(), st.integers(0, 100))
def test_clades_are_the_same_however_often_and_in_whatever_order_they_are_read(evidence: Evidence, seed: int) -> None:
    first = clades(evidence, 7)
    assert clades(evidence, 7) == first == clades(shuffled(evidence, seed), 7)


def chain(*counts: tuple[int, int], **more: int) -> Evidence:
    """A start and its descendants in one line, with (passed, failed) each."""
    nodes = [
        Node(f"n{i:02}", f"n{i - 1:02}" if i else None, None, s, f, int(i < len(counts) - 1))
        for i, (s, f) in enumerate(counts)
    ]
    return Evidence(tuple(nodes), **more)  # type: ignore[arg-type]


def test_three_looks_at_the_clades_of_a_small_tree() -> None:
    """A start with one pass in two and a child that passed its one task: 2 of 3 the first time, and the third."""
    evidence = chain((1, 1), (1, 0))
    for _ in range(3):
        assert clade_means(evidence) == {"n00": 2 / 3, "n01": 1.0}


@pytest.mark.parametrize(
    ("spent", "nodes", "pending", "alpha", "expands"),
    [
        (0, 1, 0, 0.6, True), (0, 2, 0, 0.6, False), (0, 1, 1, 0.6, False),
        (1, 2, 0, 0.6, True), (1, 3, 0, 0.6, False), (1, 2, 1, 0.6, False),
        (16, 5, 0, 0.5, True), (16, 6, 0, 0.5, False), (16, 4, 1, 0.5, True), (16, 4, 2, 0.5, False),
        (15, 5, 0, 0.5, False), (7, 8, 0, 1.0, True), (7, 9, 0, 1.0, False),
    ],
)  # fmt: skip
def test_the_rule_for_expanding_at_its_borders(
    spent: int, nodes: int, pending: int, alpha: float, expands: bool
) -> None:
    evidence = chain((spent, 0), *[(0, 0)] * (nodes - 1), pending=pending)
    assert Hgm(alpha=alpha).expands(evidence) is expands
    if nodes > 1:
        action = Hgm(alpha=alpha).next(evidence, random.Random(1))
        assert isinstance(action, Expand if expands else Evaluate)


def test_one_run_at_a_time() -> None:
    action = Hgm().next(chain((0, 0), (0, 0)), random.Random(1))
    assert isinstance(action, Evaluate) and action.runs == 1


@given(forests(least=2), st.integers(0, 1000))
def test_who_never_passed_is_expanded_only_where_nobody_did(evidence: Evidence, seed: int) -> None:
    able = {node.id for node in evidence.nodes if node.passed > 0} or {node.id for node in evidence.nodes}
    assert set(Hgm().parents(evidence, 20, random.Random(seed))) <= able


def test_a_start_that_passes_nothing_does_not_end_the_search() -> None:
    assert isinstance(Hgm().next(chain((0, 400), (0, 9), (0, 9)), random.Random(3)), Expand)


def test_the_first_expansions_are_the_starts() -> None:
    """20 workers: five of them (20^.6 is 6.03); one worker: one."""
    for count in range(1, 6):
        crowd = Evidence(
            (Node("r", children=count - 1), *(Node(f"c{i}", "r", None, 9, 0) for i in range(count - 1)))
        )  # fmt: skip
        assert Hgm(workers=20).next(crowd, random.Random(count)) == Expand("r")
    assert Hgm(workers=20).next(replace(crowd, pending=1), random.Random(1)) != Expand("r")
    assert Hgm().next(chain((0, 0), (0, 0)), random.Random(1)) != Expand("n00")


def test_nobody_runs_more_tasks_than_there_are() -> None:
    evidence = replace(chain((10, 0), *[(0, 0)] * 30), tasks=10)
    strategy = Hgm(beta=0.0)
    asked = [strategy.next(evidence, random.Random(seed)) for seed in range(200)]
    assert all(isinstance(action, Evaluate) and action.node != "n00" for action in asked)
    used_up = replace(chain(*[(10, 0)] * 40), tasks=10)
    assert not strategy.expands(used_up) and isinstance(strategy.next(used_up, random.Random(1)), Expand)


@pytest.mark.parametrize(
    ("spent", "budget", "beta", "tau"),
    [(0, 100, 1.0, 1), (50, 100, 1.0, 2), (75, 100, 0.5, 2), (100, 100, 1.0, 10_000), (120, 100, 1.0, 10_000),
     (50, None, 1.0, 1)],
)  # fmt: skip
def test_draws_harden_towards_the_end(spent: int, budget: int | None, beta: float, tau: float) -> None:
    evidence = replace(chain((spent, 0)), budget=budget)
    assert Hgm(beta=beta).tau(evidence) == pytest.approx(tau)
    assert Hgm(beta=beta, cool_down=False).tau(evidence) == 1.0


def test_at_the_end_the_best_clade_is_the_choice() -> None:
    evidence = Evidence(
        (Node("a", None, None, 5, 5, 1), Node("b", "a", None, 9, 1), Node("c", None, None, 6, 4)), 0, 30
    )
    assert set(Hgm().parents(evidence, 200, random.Random(1))) == {"b"}
    assert len(set(Hgm(cool_down=False).parents(evidence, 200, random.Random(1)))) == 3


def wins(counts: list[tuple[float, float]]) -> list[float]:
    """P(each has the largest of independent Beta(1 + S, 1 + F) draws), by summing densities on a fine grid."""
    x = (np.arange(20_000) + 0.5) / 20_000
    logs = [s * np.log(x) + f * np.log1p(-x) for s, f in counts]
    densities = [np.exp(log - log.max()) for log in logs]
    densities = [d / d.sum() for d in densities]
    below = [np.cumsum(d) - d / 2 for d in densities]
    return [
        float((d * np.prod([b for j, b in enumerate(below) if j != i], axis=0)).sum()) for i, d in enumerate(densities)
    ]


def test_draws_are_the_argmax_of_posterior_draws() -> None:
    """Thompson draws from own counts, HGM from the clades': the same tree, two answers, both as integrated."""
    nodes = (Node("a", None, 0.5, 5, 5, 1), Node("b", "a", 0.9, 9, 1), Node("c", None, 0.6, 3, 2))
    evidence, draws = Evidence(nodes), 8000
    for strategy, counts in (
        (Thompson(), [(5, 5), (9, 1), (3, 2)]),
        (Hgm(), [(14, 6), (9, 1), (3, 2)]),
    ):
        seen = Counter(strategy.parents(evidence, draws, random.Random(9)))
        for name, p in zip("abc", wins(counts), strict=True):
            assert abs(seen[name] - draws * p) < 4.5 * math.sqrt(draws * p * (1 - p)), (strategy, name)


def test_who_is_evaluated_is_drawn_by_its_own_record() -> None:
    nodes = (Node("a", None, 0.5, 5, 5, 1), Node("b", "a", 0.9, 9, 1), Node("c", None, 0.6, 3, 2))
    evidence, draws = Evidence(nodes, pending=30), 8000
    rng = random.Random(4)
    seen = Counter(action.node for _ in range(draws) if isinstance(action := Hgm().next(evidence, rng), Evaluate))
    for name, p in zip("abc", wins([(5, 5), (9, 1), (3, 2)]), strict=True):
        assert abs(seen[name] - draws * p) < 4.5 * math.sqrt(draws * p * (1 - p)), name


def tail(x: float, s: int, f: int) -> float:
    """P(Beta(1 + s, 1 + f) <= x) as a binomial tail: at least s + 1 of s + f + 1."""
    n = s + f + 1
    return math.fsum(math.comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(s + 1, n + 1))


@given(st.floats(0.0, 1.0), st.integers(0, 120), st.integers(0, 120))
def test_the_beta_distribution_is_a_binomial_tail(x: float, s: int, f: int) -> None:
    assert beta_cdf(x, 1 + s, 1 + f) == pytest.approx(tail(x, s, f), abs=1e-10)


@given(st.floats(0.001, 0.999), st.integers(0, 200), st.integers(0, 200))
def test_a_quantile_is_where_the_distribution_reaches_it(q: float, s: int, f: int) -> None:
    assert beta_cdf(beta_quantile(q, 1 + s, 1 + f), 1 + s, 1 + f) == pytest.approx(q, abs=1e-9)


@pytest.mark.parametrize("q", [0.0, 1.0, math.nan])
def test_a_level_that_is_none_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        beta_quantile(q, 1, 1)
    with pytest.raises(ValueError, match="above 0"):
        beta_cdf(0.5, 0, 1)


@given(forests(), st.sampled_from([0.01, 0.05, 0.5]))
def test_best_belief_has_the_highest_quantile(evidence: Evidence, epsilon: float) -> None:
    """Nobody's tail below the winner's quantile is smaller than epsilon."""
    strategy = Hgm(epsilon=epsilon)
    chosen = next(node for node in evidence.nodes if node.id == strategy.output(evidence))
    line = beta_quantile(epsilon, 1 + chosen.passed, 1 + chosen.failed)
    assert tail(line, chosen.passed, chosen.failed) == pytest.approx(epsilon, abs=1e-9)
    assert all(tail(line, node.passed, node.failed) >= epsilon - 1e-9 for node in evidence.nodes)


def test_what_is_handed_over_differs_by_how_much_luck_counts() -> None:
    """One pass in one run, 8 in 10, 45 in 60: the highest score, the highest mean of a posterior, best belief."""
    nodes = (Node("a", None, 1.0, 1, 0), Node("b", None, 0.8, 8, 2), Node("c", None, 0.75, 45, 15))
    evidence = Evidence(nodes)
    assert named("greedy").output(evidence) == "a"
    assert named("thompson").output(evidence) == "b"
    assert named("hgm").output(evidence) == "c"


def test_who_was_never_run_is_not_handed_over() -> None:
    """A posterior without data has the mean .5, more than a node that passed four in ten."""
    evidence = Evidence((Node("a", None, 0.4, 4, 6), Node("b")))
    assert Thompson().output(evidence) == "a"
    assert Thompson().output(Evidence((Node("a"), Node("b")))) == "a"
