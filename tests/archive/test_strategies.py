"""Search strategies: probabilities against second implementations, and what every strategy promises."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest
from archive_forests import SCORES, flat, forests, shuffled
from hypothesis import given
from hypothesis import strategies as st

from selfproof.archive.strategies import NAMES, Evaluate, Evidence, Expand, Node, Strategy, named
from selfproof.archive.strategies.weighted import Dgm, Hyperagents, Weighted
from selfproof.nouns import UsageError

WEIGHTED = [name for name in NAMES if isinstance(named(name), Weighted)]
seeds = st.integers(0, 2**32)


def weighted(name: str) -> Weighted:
    strategy = named(name)
    assert isinstance(strategy, Weighted)
    return strategy


# Second implementations: straight from the definitions, over all nodes at once.


def sigmoid(x: float) -> float:
    return math.exp(10 * x) / (math.exp(10 * x) + 1)


def shares(weights: dict[str, float]) -> dict[str, float]:
    return {name: w / sum(weights.values()) for name, w in weights.items()}


def score(node: Node) -> float:
    assert node.score is not None
    return node.score


def dgm(evidence: Evidence) -> dict[str, float]:
    return shares({n.id: sigmoid(score(n) - 0.5) * (1 / (1 + n.children)) for n in evidence.nodes})


def score_prop(evidence: Evidence) -> dict[str, float]:
    return shares({n.id: sigmoid(score(n) - 0.5) for n in evidence.nodes})


def alike(evidence: Evidence) -> dict[str, float]:
    return shares({n.id: 1.0 for n in evidence.nodes})


def last(evidence: Evidence) -> dict[str, float]:
    *others, newest = (n.id for n in evidence.nodes)
    return {**dict.fromkeys(others, 0.0), newest: 1.0}


def hyperagents(evidence: Evidence) -> dict[str, float]:
    scores = sorted((score(n) for n in evidence.nodes), reverse=True)
    m = sum(scores[:3]) / len(scores[:3])
    return shares({n.id: sigmoid(score(n) - m) * math.exp(-((n.children / 8) ** 3)) for n in evidence.nodes})


def beats(one: Node, other: Node) -> bool:
    if score(one) != score(other):
        return score(one) > score(other)
    return (one.size, one.id) < (other.size, other.id)


def greedy(evidence: Evidence) -> dict[str, float]:
    return {n.id: float(not any(beats(o, n) for o in evidence.nodes)) for n in evidence.nodes}


def map_elites(evidence: Evidence) -> dict[str, float]:
    def cell(node: Node) -> tuple[str, int]:
        return node.structure, 0 if node.size == 0 else 1 + int(math.log2(node.size))

    elites = [n.id for n in evidence.nodes if not any(cell(o) == cell(n) and beats(o, n) for o in evidence.nodes)]
    return {n.id: (1 / len(elites) if n.id in elites else 0.0) for n in evidence.nodes}


def default(evidence: Evidence) -> dict[str, float]:
    """By enumeration: every tournament of four, every stop of the decay."""
    order = sorted(evidence.nodes, key=lambda n: ((1 - score(n)) * (1 + 0.0003 * n.size), n.id))
    kept: list[Node] = []
    for node in order:
        equal = [other for other in kept if abs(score(node) - score(other)) < 1e-6]
        rest = [other for other in kept if other not in equal]
        smallest = all(node.size < other.size for other in equal)
        if smallest and sum(other.structure == node.structure for other in rest) < 3:
            kept = sorted([*rest, node], key=order.index)
    chances = dict.fromkeys((n.id for n in evidence.nodes), 0.0)
    for four in itertools.product(range(len(kept)), repeat=4):
        chances[kept[min(four)].id] += 0.7 / len(kept) ** 4
    for stop in range(200):
        chances[kept[min(stop, len(kept) - 1)].id] += 0.3 * (math.exp(-stop / 1.5) - math.exp(-(stop + 1) / 1.5))
    return chances


SECOND: dict[str, Callable[[Evidence], dict[str, float]]] = {
    "default": default, "greedy": greedy, "dgm": dgm, "dgm-staged": dgm, "dgm-score-prop": score_prop,
    "dgm-random": alike, "dgm-no-darwin": last, "hyperagents": hyperagents, "map-elites": map_elites,
}  # fmt: skip


def test_every_weighted_strategy_has_a_second_implementation() -> None:
    assert set(SECOND) == set(WEIGHTED)
    assert set(NAMES) - set(WEIGHTED) == {"hgm", "thompson"}


@pytest.mark.parametrize("name", WEIGHTED)
@given(forests(most=6))
def test_probabilities_follow_the_printed_formulas(name: str, evidence: Evidence) -> None:
    found, expected = weighted(name).probabilities(evidence), SECOND[name](evidence)
    assert set(found) == set(expected) == {node.id for node in evidence.nodes}
    assert math.fsum(found.values()) == pytest.approx(1, abs=1e-12)
    for node in evidence.nodes:
        assert found[node.id] == pytest.approx(expected[node.id], abs=1e-12)


LARGE = Evidence(
    tuple(
        Node(f"n{i:02}", f"n{(i - 1) // 2:02}" if i else None, 7 * i % 23 / 23, 5, 5, 2, 90 + 5 * i, "abcdefgh"[i % 8])
        for i in range(23)
    )
)  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTED)
def test_parents_are_drawn_with_these_probabilities(name: str) -> None:
    strategy, draws = weighted(name), 20_000
    chances = strategy.probabilities(LARGE)
    seen = Counter(strategy.parents(LARGE, draws, random.Random(5)))
    for node, p in chances.items():
        assert abs(seen[node] - draws * p) <= 4.5 * math.sqrt(draws * p * (1 - p)) + 1e-9, node


def test_published_probabilities_by_hand() -> None:
    """Three nodes of the Darwin Gödel Machine: .5 without a child, .5 with one, .8 with three."""
    evidence = Evidence(
        (Node("a", score=0.5), Node("b", score=0.5, children=1), Node("c", score=0.8, children=3))
    )  # fmt: skip
    weights = [0.5, 0.25, 0.952574126822433 / 4]
    found = Dgm().probabilities(evidence)
    assert [found[k] for k in "abc"] == pytest.approx([w / sum(weights) for w in weights])


@given(forests(), st.data())
def test_a_higher_score_never_weighs_less_with_as_many_children(evidence: Evidence, data: st.DataObject) -> None:
    chances = Dgm().probabilities(evidence)
    for one, other in itertools.combinations(evidence.nodes, 2):
        if one.children == other.children and score(one) >= score(other):
            assert chances[one.id] >= chances[other.id]
        if one.children >= other.children and score(one) == score(other):
            assert chances[one.id] <= chances[other.id]
    place = data.draw(st.integers(0, len(evidence.nodes) - 1))
    before = evidence.nodes[place]
    after = replace(before, score=data.draw(st.floats(score(before), 1.0)))
    nodes = (*evidence.nodes[:place], after, *evidence.nodes[place + 1 :])
    assert Dgm().probabilities(replace(evidence, nodes=nodes))[after.id] >= chances[before.id] - 1e-15


def test_a_crowd_of_children_leaves_hyperagents_a_choice() -> None:
    """After 73 children the printed weight is 0 in floating point, and so would be the sum."""
    evidence = Evidence((Node("a", score=0.5, children=100), Node("b", score=0.5, children=101)))
    found = Hyperagents().probabilities(evidence)
    assert found["a"] > 0.999 and math.fsum(found.values()) == pytest.approx(1)


def test_hyperagents_scales_what_was_not_fully_evaluated() -> None:
    evidence = Evidence((Node("a", score=0.6, passed=6, failed=4), Node("b", score=0.5, passed=30, failed=30)))
    scaled = Hyperagents(full=60).probabilities(evidence)
    assert scaled == pytest.approx(Hyperagents().probabilities(flat(0.1, 0.5)))
    assert Hyperagents().probabilities(evidence)["a"] > 0.5 > scaled["a"]


# What every strategy promises.


def everything(strategy: Strategy, evidence: Evidence, seed: int) -> list[object]:
    return [
        strategy.next(evidence, random.Random(seed)),
        strategy.parents(evidence, 5, random.Random(seed)),
        strategy.output(evidence),
    ]


@pytest.mark.parametrize("name", NAMES)
@given(forests(), seeds)
def test_reading_never_changes_what_is_known(name: str, evidence: Evidence, seed: int) -> None:
    before, frozen = copy.deepcopy(evidence), pickle.dumps(evidence)
    strategy = named(name)
    first = everything(strategy, evidence, seed)
    assert everything(strategy, evidence, seed) == first == everything(named(name), before, seed)
    assert evidence == before and pickle.dumps(evidence) == frozen


@pytest.mark.parametrize("name", NAMES)
@given(forests(unscored=True), seeds)
def test_only_nodes_that_are_there_are_chosen(name: str, evidence: Evidence, seed: int) -> None:
    known = {node.id for node in evidence.nodes}
    action = named(name).next(evidence, random.Random(seed))
    if isinstance(action, Evaluate):
        assert action.node in known and action.runs > 0
    else:
        assert isinstance(action, Expand) and action.parent in known
    if all(node.score is not None for node in evidence.nodes):
        assert {*named(name).parents(evidence, 3, random.Random(seed)), named(name).output(evidence)} <= known


@pytest.mark.parametrize("name", [name for name in NAMES if name != "dgm-no-darwin"])
@given(forests(), seeds)
def test_the_order_of_the_nodes_does_not_matter(name: str, evidence: Evidence, seed: int) -> None:
    assert everything(named(name), shuffled(evidence, seed), seed) == everything(named(name), evidence, seed)


def test_the_order_matters_where_the_definition_says_so() -> None:
    evidence = flat(0.9, 0.1, 0.2)
    assert named("dgm-no-darwin").parents(evidence, 2, random.Random(1)) == ["c", "c"]
    turned = replace(evidence, nodes=evidence.nodes[::-1])
    assert named("dgm-no-darwin").parents(turned, 1, random.Random(1)) == ["a"]


@pytest.mark.parametrize("name", NAMES)
def test_no_node_and_one_node(name: str) -> None:
    strategy, rng = named(name), random.Random(1)
    for ask in (strategy.next, lambda e, r: strategy.parents(e, 1, r), lambda e, _: strategy.output(e)):
        with pytest.raises(ValueError, match="no node"):
            ask(Evidence(()), rng)
    one = Evidence((Node("a", score=0.4, passed=4, failed=6),))
    assert strategy.next(one, rng) in (Expand("a"), Evaluate("a", 50))
    assert strategy.parents(one, 2, rng) == ["a", "a"]
    assert strategy.output(one) == "a"


@pytest.mark.parametrize("name", [n for n in WEIGHTED if n not in {"dgm-random", "dgm-no-darwin"}])
def test_a_node_without_a_score_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="node b has no score"):
        named(name).parents(flat(0.5, None), 1, random.Random(1))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.01, 1.01])
def test_what_is_no_score_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="does not lie within"):
        Node("a", score=value)


@given(SCORES)
def test_evidence_is_frozen(value: float) -> None:
    evidence = flat(value)
    for thing in (evidence, evidence.nodes[0]):
        for field in fields(thing):
            with pytest.raises(FrozenInstanceError):
                setattr(thing, field.name, getattr(thing, field.name))


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ((Node("a"), Node("a")), "one id"),
        ((Node("a", "b"),), "is not there"),
        ((Node("a", "b", children=1), Node("b", "a", children=1)), "descends from itself"),
        ((Node("a", "a", children=1),), "descends from itself"),
        ((Node("a"), Node("b", "a")), "1 nodes name it, but it has 0"),
        ([Node("a")], "must be a tuple"),
    ],
)
def test_what_is_no_forest_is_refused(nodes: tuple[Node, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Evidence(nodes)


@pytest.mark.parametrize("bad", [{"id": ""}, {"passed": -1}, {"failed": -1}, {"children": -1}, {"size": -1}])
def test_what_is_no_node_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"empty id|below 0"):
        Node(**{"id": "a", **bad})  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [{"pending": -1}, {"budget": -1}, {"tasks": 0}])
def test_bounds_that_mean_nothing_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"below 0|at least one"):
        Evidence((Node("a"),), **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hgm"])
def test_what_is_new_is_evaluated_first(name: str) -> None:
    rng = random.Random(1)
    assert named(name).next(flat(0.5, None), rng) == Evaluate("b", 10)
    assert named(name).next(replace(flat(0.5, None), tasks=7), rng) == Evaluate("b", 7)


@pytest.mark.parametrize(("passed", "more"), [(3, False), (4, True), (10, True)])
def test_the_second_stage_is_for_who_solves_two_fifths(passed: int, more: bool) -> None:
    node = Node("a", score=passed / 10, passed=passed, failed=10 - passed)
    action = named("dgm-staged").next(Evidence((node,)), random.Random(1))
    assert action == (Evaluate("a", 50) if more else Expand("a"))
    assert named("dgm").next(Evidence((node,)), random.Random(1)) == Expand("a")
    whole = Node("a", score=passed / 10, passed=6 * passed, failed=60 - 6 * passed)
    assert named("dgm-staged").next(Evidence((whole,)), random.Random(1)) == Expand("a")


def test_a_name_that_is_not_known_is_told_those_that_are() -> None:
    with pytest.raises(UsageError, match="'best'") as error:
        named("best")
    for name in NAMES:
        assert name in error.value.advice()


def test_the_default_leaves_out_whom_the_population_leaves_out() -> None:
    """Of equal scores the smallest stays, of one structure three, and nobody else is ever drawn."""
    nodes = [Node(f"s{i}", score=0.9 - 0.1 * i, size=10, structure="x") for i in range(4)]
    nodes += [Node("twin", score=0.9, size=20, structure="y"), Node("other", score=0.05, size=10, structure="y")]
    chances = weighted("default").probabilities(Evidence(tuple(nodes)))
    assert {name for name, p in chances.items() if p == 0} == {"s3", "twin"}
    assert chances["s0"] == max(chances.values())


PAGE = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"


def test_the_page_names_every_strategy_and_its_example_runs() -> None:
    text = PAGE.read_text("utf-8")
    table = text.partition("## Definitions")[2].partition("**HGM.**")[0]
    rows = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row)} == set(NAMES)
    *lines, last = re.findall(r"^    ((?:import|from|start|named).*)$", text, re.MULTILINE)
    code, _, said = last.partition("#")
    names: dict[str, object] = {}
    exec("\n".join(lines), names)
    assert repr(eval(code, names)) == said.strip()
