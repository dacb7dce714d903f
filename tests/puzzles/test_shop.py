"""Dispatching: a simulation that a second one agrees with, fresh instances, odd answers, rules of the literature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfproof.templates.puzzles.tasks import dispatchers
from selfproof.templates.puzzles.tasks.plant import JOBS, MACHINES, Jobs, Plant, drawn
from selfproof.templates.puzzles.tasks.shop import INSTANCES, Shop
from selfproof.trial.task import InvalidAnswer


def by_hand(jobs: Jobs, n: int, priority: Callable[[tuple[float, ...]], float]) -> float:
    """One instance, minute by minute, with lists; asks only for what waits, at the time at which it is asked."""
    waiting = list(range(JOBS))
    busy, total, now = [0] * MACHINES, 0.0, 0
    w, p, r, d = (part[n].tolist() for part in (jobs.weight, jobs.time, jobs.arrival, jobs.due))
    while waiting:
        for machine in range(MACHINES):
            there = [j for j in waiting if r[j] <= now]
            if busy[machine] <= now and there:
                job = max(there, key=lambda j: (priority((w[j], p[j], d[j] - now, now - r[j])), -j))
                busy[machine] = now + p[job]
                total += w[job] * max(0, busy[machine] - d[job])
                waiting.remove(job)
        now += 1
    return total


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(["any", "few", "ATC"]))
def test_the_simulation_is_the_one_by_hand(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    jobs = drawn(rng, 4)
    plant = Plant(jobs)
    questions = plant.asked()
    answers = {
        "any": rng.random(len(questions)),
        "few": rng.integers(0, 3, len(questions)).astype(float),
        "ATC": dispatchers.RULES["ATC"][0](questions, 1.0),
    }[kind]
    known = {tuple(q.tolist()): a for q, a in zip(questions, answers, strict=True)}
    assert len(known) == len(questions), "each question once"
    found = plant.tardiness(answers)
    assert found.tolist() == [by_hand(jobs, n, known.__getitem__) for n in range(4)]


def test_first_in_first_out_is_the_measure(shop: Shop) -> None:
    (sample,) = shop.samples("explore", 1, 1)
    assert shop.draws(sample, np.zeros(len(sample.value))) == [1.0] * INSTANCES
    waited: Any = dispatchers.RULES["FIFO"][0](sample.value, 0.0)
    assert np.mean(shop.draws(sample, waited)) == pytest.approx(1.0, abs=0.02), "but for jobs that come at once"


def test_splits_and_seeds_have_instances_of_their_own(shop: Shop) -> None:
    seen = [
        shop.samples(split, seed, 1)[0].hidden[0].jobs.arrival.tobytes()
        for split in ("explore", "confirm", "report")
        for seed in (1, 2)
    ]
    assert len(set(seen)) == len(seen)
    again = shop.samples("confirm", 1, 1)[0]
    assert again.hidden[0].jobs.arrival.tobytes() == seen[2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: np.where(np.arange(len(s)) == 5, np.nan, s),
        lambda s: np.where(np.arange(len(s)) == 5, -np.inf, s),
        lambda s: s[1:],
        lambda s: s[None],
        lambda s: s.astype(int),
        lambda s: s.tolist(),
    ],
)
def test_odd_answers_have_no_score(shop: Shop, spoil: Callable[[Any], Any]) -> None:
    (sample,) = shop.samples("explore", 2, 1)
    answer = np.linspace(1.0, 2.0, len(sample.value))
    assert len(shop.draws(sample, answer)) == INSTANCES
    with pytest.raises(InvalidAnswer):
        shop.draws(sample, spoil(answer))


@pytest.mark.parametrize(
    ("extra", "found"), [("q", False), ("q - q.mean()", True), ("q + len(q) % 7", True), ("q + 0.1 * q[::-1]", True)]
)
def test_company_is_found_out(shop: Shop, tools: Any, depends: Any, extra: str, found: bool) -> None:
    after = f"\n\n_before = rank\n\n\ndef rank(questions):\n    q = _before(questions)\n    return {extra}\n"
    assert depends(shop, "dispatch.py", tools.source("dispatch.py", "w / p - 0.1 * s", after)) is found


def test_people_see_explore_instances_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    report, other = shop.samples("report", 5, 2), shop.samples("report", 6, 2)
    asked: list[str] = []
    draw = shop.samples
    monkeypatch.setattr(shop, "samples", lambda split, seed, n: (asked.append(split), draw(split, seed, 2))[1])
    first, second = (shop.baselines(9, 500, samples) for samples in (report, other))
    assert set(asked) == {"explore"}
    assert [(b.name, b.tuned) for b in first] == [(b.name, b.tuned) for b in second]
    means = {b.name: float(np.mean(b.draws)) for b in first}
    assert means["ATC"] < min(means[name] for name in ("FIFO", "SPT", "WSPT")), "as the literature says"


@pytest.mark.parametrize("rule", [None, "-d", "w / p / (1.0 + np.maximum(s, 0.0))"])
def test_controls_are_what_they_claim(shop: Shop, tools: Any, rule: str | None) -> None:
    text, samples = tools.source("dispatch.py", rule), shop.samples("confirm", 11, 6)
    usual = tools.mean(shop, tools.rank_of(text), samples)
    worse, hardly = (tools.mean(shop, tools.rank_of(shop.damaged(text, "rank", s)), samples) for s in (0.95, 0.01))
    assert worse > usual + 0.2 and worse > hardly and abs(hardly - usual) < 0.05


def test_giving_up_late_jobs_is_tempting_and_no_gain_once_a_rule_is_good(shop: Shop, tools: Any) -> None:
    text = tools.source("dispatch.py", "w / p / (1.0 + np.maximum(s, 0.0))")
    samples = shop.samples("confirm", 12, 6)
    usual, tempted = (tools.mean(shop, tools.rank_of(t), samples) for t in (text, shop.tempting(text, "rank")))
    assert tempted > usual + 0.02
