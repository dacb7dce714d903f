"""How fast an improver improves, in lock-step; answers that are meant to be worth more than they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import resources
from typing import Any

import numpy as np
import pytest

from selfproof.jail import Limits, Pool
from selfproof.nouns import Trial
from selfproof.operators import normal_form
from selfproof.tasks import Exchange, InvalidAnswer, Sample
from selfproof.templates.improver.tasks import families, improving
from selfproof.trial import blocks

SHIPPED = (resources.files("selfproof") / "templates/improver/program/improver.py").read_text("utf-8")


def edit(text: str, parent: str = "0", **more: Any) -> dict[str, Any]:
    return {"files": {improving.PATH: text}, "title": "t", "operator": "replace", "parent": parent, **more}


def sample(evaluations: int = 32, family: str = "formula", seed: int = 3) -> Sample:
    return improving.sample_of([families.problem(family, np.random.default_rng(seed))], [seed], evaluations)


def begun(of: Sample) -> Any:
    assert of.exchange is not None
    return of.exchange()


def rules(*expressions: str) -> list[dict[str, Any]]:
    return [edit(families.text_of(("x", "y", "z"), one)) for one in expressions]


@pytest.fixture(scope="module")
def jail() -> Iterator[Pool]:
    with Pool(1) as made:
        yield made


def scored(jail: Pool, source: str, of: Sample) -> Trial:
    fresh = blocks.prepare([of])
    outcome = jail.submit(blocks.job({"improver.py": source}, "improver.py:propose", fresh, Limits(wall_s=60))).result()
    return blocks.score(improving.Improving(), fresh, outcome)[0]


def test_every_message_costs_the_same_and_repetitions_earn_nothing() -> None:
    exchange = begun(sample(16))
    view = exchange.reply(rules("1.0 * y") * 5)
    (row,) = exchange.result()
    assert len(row["curve"]) == improving.WANTED and row["valid"] == 1 and row["edits"] == 5
    assert len(view["tried"]) == 2 and len(view["history"]) == 1
    assert exchange.reply([]) is None, "an answer without edits used up its evaluations"
    assert len(exchange.result()[0]["curve"]) == 16


def test_no_more_edits_are_evaluated_than_were_asked_for() -> None:
    exchange = begun(sample())
    exchange.reply(rules(*(f"{i}.5 * x" for i in range(improving.WANTED + 20))))
    (row,) = exchange.result()
    assert row["edits"] == improving.WANTED == len(row["curve"])


def test_the_curve_is_that_of_the_best_rule_and_of_the_trusted_side() -> None:
    exchange: Any = begun(sample())
    problem = exchange.searches[0].problem
    told = edit(families.text_of(("x", "y", "z"), "0.3 * x"), score=-9.0, loss=-9.0)
    exchange.reply([told, *rules("x + y", "z")])
    search = exchange.searches[0]
    best = min(one.loss for one in search.known.values())
    assert search.curve[-1] == problem.gap(best) and search.curve == sorted(search.curve)
    assert all(one.loss >= 0.0 for one in search.known.values())


@pytest.mark.parametrize("answer", [None, {}, "edits", 3, [1] * 300, np.zeros(3)])
def test_what_is_no_list_of_edits_ends_the_exchange(answer: object) -> None:
    with pytest.raises(InvalidAnswer, match="list of at most"):
        begun(sample()).reply(answer)


def test_malformed_edits_are_evaluations_for_nothing() -> None:
    good = families.text_of(("x", "y", "z"), "x + y")
    bad = [1, {}, edit("import os"), {**edit(good), "files": {"a.py": good}}, {**edit(good), "title": 3},
           {**edit(good), "files": {improving.PATH: b"x"}},
           {**edit(good), "files": {improving.PATH: good, "b": ""}}]  # fmt: skip
    exchange = begun(sample())
    view = exchange.reply(bad)
    (row,) = exchange.result()
    assert row["valid"] == 0 and row["curve"] == [0.0] * improving.WANTED
    assert [one["outcome"] for one in view["history"]] == ["invalid"]


def test_the_next_problem_begins_when_the_last_ones_evaluations_are_used() -> None:
    problems = [families.problem(name, np.random.default_rng(1)) for name in ("formula", "schedule")]
    exchange = improving.Improvement([improving.Search(one, 1, improving.WANTED) for one in problems])
    assert exchange.reply([])["objective"] == "schedule"  # type: ignore[index]
    assert exchange.reply([]) is None and isinstance(exchange, Exchange)


def test_views_are_the_same_for_the_same_seed_and_hold_no_answer() -> None:
    task = improving.Improving()
    one, two = task.samples("confirm", 5, 2)
    assert one.value == task.samples("confirm", 5, 1)[0].value != two.value
    assert one.value != task.samples("explore", 5, 1)[0].value
    words = {"kind", "objective", "path", "function", "wanted", "plateau", "experience", "operators", "seed", "parents",
             "history", "tried"}  # fmt: skip
    assert set(one.value) == words
    assert one.value["tried"] == [
        hashlib.sha256(normal_form(one.value["parents"][0]["source"]).encode()).hexdigest()[:16]
    ]


def test_the_shipped_improver_improves_in_the_jail_and_its_damaged_copy_less(jail: Pool) -> None:
    task = improving.Improving()
    (block,) = task.samples("explore", 2, 1)
    whole, damaged, tempting = (
        scored(jail, source, block)
        for source in (SHIPPED, task.damaged(SHIPPED, "propose"), task.tempting(SHIPPED, "propose"))
    )
    assert whole.score is not None and damaged.score is not None and tempting.score is not None
    assert 0.1 < whole.score < 1.0 and damaged.score < 0.6 * whole.score and tempting.score < 0.9 * whole.score
    assert scored(jail, SHIPPED, block).score == whole.score


HOSTILE = """
import os, sys
def propose(view):
    code = "def rule(x, y, z):\\n    return __import__('os').system('touch MARK')\\n"
    sys.setrecursionlimit(10**6)
    return [{"files": {view["path"]: code}, "title": "x" * 10**6, "operator": "y" * 10**6, "parent": "z" * 10**6}]
"""


def test_a_hostile_improver_gets_nothing_run_in_the_engine(jail: Pool, tmp_path: Any) -> None:
    mark = tmp_path / "mark"
    trial = scored(jail, HOSTILE.replace("MARK", str(mark)), sample())
    assert trial.score == 0.0 and not mark.exists()
    trial = scored(jail, "def propose(view):\n    return view", sample())
    assert trial.score is None and trial.status == "invalid_output"
