"""What a search's strategy is told of its archive, and whose answer the search builds on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from selfproof import birth, life
from selfproof.archive.population import Member, Population
from selfproof.archive.strategies import NAMES
from selfproof.charter.sections import STRATEGIES
from selfproof.domains.base import admitted
from selfproof.domains.choosing import evidence, parents, passes, shares
from selfproof.domains.quality import Quality

LINEAGE = [("b", "a"), ("c", "b"), ("x", "a"), ("d", "x"), ("e", "x"), ("y", "d")]


def member(name: str, *scores: float, structure: str = "", size: int = 3) -> Member:
    return Member(name, "", scores, size, structure or name)


def test_a_score_is_the_share_of_the_others_that_are_worse() -> None:
    assert shares([1.5, 1.2, 9.0]) == [0.5, 1.0, 0.0]
    assert shares([2.0, 2.0, 1.0, 3.0]) == [0.5, 0.5, 1.0, 0.0]
    assert shares([4.0]) == [0.5]
    assert shares([-1.0, -3.0]) == [0.0, 1.0], "losses of a metric where higher is better are below 0"


def test_a_block_is_passed_by_who_beats_the_median() -> None:
    assert passes([(1.0, 5.0), (2.0, 4.0), (3.0, 3.0)]) == [1, 0, 1]
    assert passes([(0.0,), (-1.0,), (-1.0,)]) == [0, 1, 1], "where most solve an item, who solves it passes"
    assert passes([(0.0,), (0.0,), (-1.0,)]) == [0, 0, 1], "where few do, they alone"


def test_the_view_links_kept_versions_and_counts_every_child() -> None:
    view = evidence([member("d", 1.0), member("a", 4.0), member("b", 2.0), member("c", 3.0)], LINEAGE)
    nodes = {node.id: node for node in view.nodes}
    assert [node.id for node in view.nodes] == ["a", "b", "c", "d"], "in the order in which they came"
    assert {name: node.parent for name, node in nodes.items()} == {"a": None, "b": "a", "c": "b", "d": "a"}
    # Of a: b, x and, since x is gone, d. Of d: y, which was not kept. e and x were not kept either.
    assert {name: node.children for name, node in nodes.items()} == {"a": 3, "b": 1, "c": 0, "d": 1}
    assert nodes["d"].score == 1.0 and (nodes["d"].passed, nodes["d"].failed) == (1, 0)
    assert nodes["a"].score == 0.0 and (nodes["a"].passed, nodes["a"].failed) == (0, 1)


def test_texts_that_came_back_make_no_circle() -> None:
    circle = [("b", "a"), ("a", "b"), ("z", "q"), ("q", "z")]
    view = evidence([member("a", 1.0), member("b", 2.0), member("z", 3.0)], circle)
    assert all(node.parent is None for node in view.nodes)


def test_the_default_is_the_population_s_own_draw_and_reads_nothing() -> None:
    population = Population()
    population.replace_all([member(f"m{i}", float(i)) for i in range(20)])

    def never() -> Iterator[tuple[str, str]]:
        raise AssertionError("the default read the archive")
        yield

    one, two = random.Random(5), random.Random(5)
    assert parents("default", population, never(), 12, one) == population.parents(12, two)
    assert one.getstate() == two.getstate()


@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_draws_kept_versions(name: str) -> None:
    population = Population()
    population.replace_all([member(f"m{i}", i + 0.1, i + 0.2) for i in range(20)])
    lineage = [(f"m{i}", f"m{i // 2}") for i in range(1, 20)]
    drawn = parents(name, population, lineage, 30, random.Random(1))
    assert len(drawn) == 30 and set(drawn) <= set(population.members)
    assert drawn == parents(name, population, lineage, 30, random.Random(1))
    if name == "greedy":
        assert {one.id for one in drawn} == {"m0"}
    if name == "dgm-no-darwin":
        assert {one.id for one in drawn} == {"m19"}
    if name in {"dgm", "hgm", "thompson", "hyperagents"}:
        places = [int(one.id[1:]) for one in drawn]
        assert sum(places) / len(places) < 9.5, "better versions are drawn more often than worse"


def test_a_charter_can_name_every_strategy_there_is() -> None:
    assert STRATEGIES == NAMES


def test_a_search_builds_on_what_its_strategy_names(tmp_path: Path) -> None:
    birth.make(tmp_path / "life", seed=1)
    with life.opened(tmp_path / "life", seed=1) as living:
        assert living.strategy == "default"
        domain = Quality(living, living.charter.objective("memory"))
        focus = domain.observe()
        assert focus is not None
        new, _ = admitted(living, domain.objective, domain.propose(focus), domain.files_of)
        for _ in domain.race(new[:24]):
            pass
        best = domain.population.best.id

        def built_on() -> list[set[str]]:
            focus = domain.observe()
            assert focus is not None
            return [{row["id"] for row in view["parents"]} for view in focus.views]

        assert all(len(ids) > 1 for ids in built_on())
        living.strategy = "greedy"
        assert built_on() == [{best}, {best}]
