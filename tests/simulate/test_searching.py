"""Search strategies in worlds whose truth is known: the worlds keep their word, budgets are equal, figures paired."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from statistics import correlation, fmean

import numpy as np
import pytest

from selfproof.archive.strategies import NAMES, Action, Evaluate, Evidence, Expand, named
from selfproof.cli import main
from selfproof.nouns import UsageError
from selfproof.simulate.searching import Contest, hold, table
from selfproof.simulate.trees import WORLDS, Searched, Tree, search, world


def family(name: str, seed: int, count: int = 400, grandchildren: int = 5) -> list[tuple[float, list[float]]]:
    """(true step of a child of the start, true steps of that child's own children)."""
    tree = Tree(world(name), seed, 10)
    rows = []
    for child in [tree.expand("0") for _ in range(count)]:
        own = [tree.true(tree.expand(child)) - tree.true(child) for _ in range(grandchildren)]
        rows.append((tree.true(child) - tree.true("0"), own))
    return rows


def test_in_the_deceptive_world_who_looks_good_is_barren() -> None:
    rows = family("deceptive", 1)
    good = [fmean(own) for step, own in rows if step > 0.02]
    bad = [fmean(own) for step, own in rows if step < 0]
    assert 0.6 < len(good) / len(rows) < 0.9
    assert fmean(good) < -0.03 and fmean(bad) > 0.01


def test_in_the_fertile_world_looks_say_nothing_and_lineages_differ() -> None:
    rows = family("fertile", 2)
    assert abs(correlation([step for step, _ in rows], [fmean(own) for _, own in rows])) < 0.2
    likeness = correlation([own[0] for _, own in rows], [own[1] for _, own in rows])
    assert likeness > 0.15
    plain = family("plain", 2)
    assert abs(correlation([own[0] for _, own in plain], [own[1] for _, own in plain])) < 0.15


def test_in_the_flat_world_no_child_is_better_and_some_are_worse() -> None:
    steps = [step for _, own in family("flat", 3) for step in own]
    assert max(steps) <= 0
    assert 0.4 < fmean(step < -1e-9 for step in steps) < 0.6


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_is_better_every_strategy_gains_nothing(name: str) -> None:
    for seed in range(8):
        found = search(world("flat"), named(name), name, seed, 200)
        assert found.true <= found.best <= found.start


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [10, 57, 200])
def test_budgets_count_task_runs_and_are_kept(name: str, budget: int) -> None:
    found = search(world("plain"), named(name), name, 1, budget)
    assert 10 <= found.runs <= budget and found.nodes <= budget + 1
    assert found.claimed is not None and 0 <= found.claimed <= 1
    assert found.true <= found.best
    if name not in {"dgm-staged", "hgm"}:
        assert found.runs == budget // 10 * 10


def test_two_strategies_that_ask_the_same_get_the_same() -> None:
    """Child number j of a node and its runs hang on the world and the path, not on what was asked in between."""
    first, second = Tree(world("fertile"), 7, 100), Tree(world("fertile"), 7, 100)
    one = [first.expand("0"), first.expand("0"), first.expand("0.1")]
    for name in one:
        first.run(name, 20)
    two = []
    for parent in ("0", "0.0", "0.0", "0", "0.1"):
        two.append(second.expand(parent))
        second.run(two[-1], 15)
    for name in one:
        if name in two:
            second.run(name, 5)
    known = {node.id: node for node in second.evidence.nodes}
    for node in first.evidence.nodes:
        if node.id != "0":
            assert (node.passed, node.size, node.structure) == (
                known[node.id].passed, known[node.id].size, known[node.id].structure,
            )  # fmt: skip
            assert first.true(node.id) == second.true(node.id)
    other = Tree(world("fertile"), 8, 100)
    assert other.true(other.expand("0")) != first.true("0.0")


def test_passes_come_as_often_as_the_truth_says() -> None:
    tree = Tree(world("plain"), 3, 100_000)
    name = tree.expand("0")
    tree.run(name, 20_000)
    node = next(node for node in tree.evidence.nodes if node.id == name)
    assert node.score is not None and node.score == node.passed / node.runs
    assert abs(node.score - tree.true(name)) < 4 * math.sqrt(0.25 / 20_000)
    assert tree.spent == 20_000 == tree.evidence.spent


class Endless:
    """It never evaluates."""

    def next(self, evidence: Evidence, rng: random.Random) -> Action:
        assert len(evidence.nodes) < 300, "nobody stops it"
        return Expand("0")

    def parents(self, evidence: Evidence, n: int, rng: random.Random) -> list[str]:
        return ["0"] * n

    def output(self, evidence: Evidence) -> str:
        return "0"


class Steady(Endless):
    """It evaluates the start, ten runs at a time."""

    def next(self, evidence: Evidence, rng: random.Random) -> Action:
        return Evaluate("0", 10)


def test_who_never_evaluates_is_stopped() -> None:
    with pytest.raises(RuntimeError, match="endless expands without end"):
        search(world("plain"), Endless(), "endless", 1, 50)


def test_an_evaluation_is_paid_in_full_or_not_begun() -> None:
    assert search(world("plain"), Steady(), "steady", 1, 39).runs == 30


# Figures.

START = Searched(true=0.3, claimed=0.3, best=0.3, start=0.3, nodes=2, runs=10)


def with_truth(values: list[float]) -> list[Searched]:
    return [replace(START, true=value) for value in values]


def test_differences_are_paired_by_world() -> None:
    """Worlds differ a lot, the strategies by a constant: the difference is certain, both means are not."""
    rng = np.random.default_rng(1)
    truth = rng.normal(0.5, 0.1, 60).tolist()
    found = {"default": with_truth(truth), "hgm": with_truth([value + 0.01 for value in truth])}
    first, second = table(WORLDS["plain"], found, 0)
    assert first["difference"] is None
    assert second["difference"]["mean"] == pytest.approx(0.01)
    assert second["difference"]["interval"] == pytest.approx([0.01, 0.01])
    low, high = first["true"]["interval"]
    assert high - low == pytest.approx(2 * 1.96 * np.std(truth) / math.sqrt(60), rel=0.1)
    assert first["gain"]["mean"] == pytest.approx(fmean(truth) - 0.3)
    assert first["gain"]["interval"] == pytest.approx([low - 0.3, high - 0.3])


def test_intervals_cover_as_often_as_they_say() -> None:
    """95% intervals of 40 worlds each: of 400 at least 90% hold the true mean (a bootstrap is a little short)."""
    rng, held = np.random.default_rng(5), 0
    for seed in range(400):
        row = table(WORLDS["plain"], {"default": with_truth(rng.normal(0.4, 0.1, 40).tolist())}, seed)[0]
        held += row["true"]["interval"][0] <= 0.4 <= row["true"]["interval"][1]
    assert 360 <= held <= 394


def test_one_world_has_no_interval() -> None:
    row = table(WORLDS["plain"], {"default": with_truth([0.4])}, 0)[0]
    assert row["true"] == {"mean": 0.4, "interval": None}


def test_the_default_is_always_there_and_first() -> None:
    assert Contest(strategies=("hgm", "greedy", "hgm")).names == ("default", "hgm", "greedy")
    assert Contest().names == NAMES


def test_the_same_again_and_other_worlds_with_another_seed() -> None:
    contest = Contest(("hgm", "dgm"), ("fertile", "flat"), budget=60, seeds=3, seed=4)
    first = list(hold(contest))
    assert first == list(hold(contest)) and [row["world"] for row in first] == ["fertile", "flat"]
    assert first != list(hold(replace(contest, seed=5)))
    alone = next(iter(hold(replace(contest, strategies=("dgm",)))))
    assert [r for r in first[0]["strategies"] if r["strategy"] != "hgm"] == alone["strategies"]


def test_what_is_not_known_is_refused_before_anything_runs() -> None:
    for contest in (Contest(("best",)), Contest(worlds=("plain", "hilly"))):
        done: list[int] = []
        with pytest.raises(UsageError, match=r"best|hilly"):
            next(iter(hold(contest, progress=lambda at, total, done=done: done.append(at))))  # type: ignore[misc]
        assert not done


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["bench", "strategies", *words])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_the_json_contract(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(
        capsys, "--budget", "40", "--seeds", "3", "--only", "hgm", "--world", "flat", "--world", "plain", "--json"
    )  # fmt: skip
    row = json.loads(out)
    assert (code, err) == (0, "")
    assert {key: row[key] for key in ("budget", "seeds", "seed")} == {"budget": 40, "seeds": 3, "seed": 0}
    assert [kind["world"] for kind in row["worlds"]] == ["flat", "plain"]
    for kind in row["worlds"]:
        first, second = kind["strategies"]
        assert (first["strategy"], second["strategy"]) == ("default", "hgm")
        assert first["difference"] is None and set(second["difference"]) == {"mean", "interval"}
        assert set(first) == {"strategy", "true", "gain", "difference", "claimed", "best", "nodes", "runs"}
        assert first["true"]["interval"][0] <= first["true"]["mean"] <= first["true"]["interval"][1]


def test_what_a_person_sees(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "--budget", "40", "--seeds", "2", "--only", "dgm", "--world", "plain")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "world plain: 2 worlds, 40 task runs in each; true scores"
    assert {line.split()[0] for line in lines[2:]} == {"default", "dgm"}
    outputs = [float(line.split()[1]) for line in lines[2:]]
    assert outputs == sorted(outputs, reverse=True)


@pytest.mark.parametrize("words", [("--only", "best"), ("--world", "hilly")])
def test_a_wrong_name_is_an_error_of_usage(capsys: pytest.CaptureFixture[str], words: tuple[str, str]) -> None:
    code, _, err = said(capsys, *words, "--seeds", "1")
    assert code == 2 and words[1] in err
    assert ("hgm" if words[0] == "--only" else "deceptive") in err
