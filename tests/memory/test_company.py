"""Answers that use a block's other positions are found out, in the real jail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from selfproof.jail import Limits, Pool
from selfproof.trial import blocks

HONEST = ""
PEEKS = {
    "the block's mean": "return (q + q.mean(axis=0)) / 2",
    "the neighbour": "return (q + np.roll(q, 1, axis=0)) / 2",
    "the place in the block": "return q * (1 + np.arange(len(q))[:, None] / len(q) * (np.arange(97) == 0))",
    "who shares a context": "u, i, n = np.unique(counts[:, 1], axis=0, return_inverse=True, return_counts=True)\n"
    "    return q ** (1 + 0.2 * (n[i.ravel()] > 3)[:, None])",
    "chance": "return q + np.random.default_rng().random(q.shape)",
    "what came before": "_seen.append(counts.sum())\n    return q ** (1 + 0.01 * (sum(_seen) % 7))",
}
MALFORMED = {
    "no array": "return q.tolist()",
    "integers": "return (q * 1000).astype(int)",
    "a flat array": "return q.ravel()",
    "a row less": "return q[:-1]",
    "an error": "raise ValueError('no')",
}


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(1) as made:
        yield made


def answers(pool: Pool, text: str, task: Any) -> bool:
    samples = task.samples("confirm", 21, 3)
    others, origin = task.regroup(samples, 22)
    first, again = blocks.prepare(samples), blocks.prepare(others)
    limits = Limits(wall_s=20.0)
    one, two = (
        pool.map([blocks.job({"memory.py": text}, "memory.py:predict", [block], limits) for block in part])
        for part in (first, again)
    )
    return blocks.company_matters(task, first, one, again, two, origin)


def wrapped(source: Any, body: str) -> str:
    rule = "(c + 3.0 * d * q) / (t + 3.0 * d)"
    after = f"\n\n_before = predict\n_seen = []\n\n\ndef predict(counts):\n    q = _before(counts)\n    {body}\n"
    return str(source(rule, after if body else ""))


def test_a_rule_for_single_positions_passes(pool: Pool, task: Any, source: Any) -> None:
    assert answers(pool, wrapped(source, HONEST), task) is False


@pytest.mark.parametrize("kind", PEEKS)
def test_an_answer_that_depends_on_its_neighbours_is_found(pool: Pool, task: Any, source: Any, kind: str) -> None:
    assert answers(pool, wrapped(source, PEEKS[kind]), task) is True


@pytest.mark.parametrize("kind", MALFORMED)
def test_so_is_one_that_cannot_be_compared(pool: Pool, task: Any, source: Any, kind: str) -> None:
    assert answers(pool, wrapped(source, MALFORMED[kind]), task) is True


@pytest.mark.parametrize("kind", ["no array", "integers", "a flat array", "a row less", "an error"])
def test_a_malformed_answer_has_no_score(pool: Pool, task: Any, source: Any, kind: str) -> None:
    part = blocks.prepare(task.samples("explore", 1, 2))
    job = blocks.job({"memory.py": wrapped(source, MALFORMED[kind])}, "memory.py:predict", part, Limits(wall_s=20.0))
    trials = blocks.score(task, part, pool.submit(job).result())
    assert len(trials) == 2 and all(t.score is None and t.draws == () and t.status != "ok" for t in trials)


def test_an_honest_answer_scores_as_computed_here(pool: Pool, task: Any, source: Any, witten_bell: Any) -> None:
    samples = task.samples("explore", 1, 2)
    part = blocks.prepare(samples)
    job = blocks.job({"memory.py": wrapped(source, HONEST)}, "memory.py:predict", part, Limits(wall_s=20.0))
    trials = blocks.score(task, part, pool.submit(job).result())
    for trial, sample in zip(trials, samples, strict=True):
        assert trial.status == "ok"
        assert list(trial.draws) == pytest.approx(task.draws(sample, witten_bell(sample.value)), abs=1e-4)
