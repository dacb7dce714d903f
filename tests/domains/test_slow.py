"""Objectives whose trials take long: how few are spent on a candidate, and that luck on few does not count."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfproof import birth, closing, loop
from selfproof import life as lives
from selfproof.domains import paired, sizes
from selfproof.domains.quality import Quality
from selfproof.domains.slow import Slow
from selfproof.jail import Pool
from selfproof.nouns import Candidate, Edit
from selfproof.trial import blocks as trials

CHARTER = """
[program]
editable = ["model.py"]

[[objective]]
name = "fit"
task = "tasks/fit.py:Fit"
entry = "model.py:answer"
files = ["*"]
focus = ["model.py:"]
metric = "error"
better = "lower"
kind = "quality"
max_cost = 3.0

[[guard]]
name = "kept"
objective = "fit"
task = "tasks/fit.py:Kept"
entry = "model.py:kept"
margin = 0.5

[proposers]
improver = ""
"""
TASKS = """
import random

from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Sample, Task


class Fit(Task):
    metric, better, seconds, timed = "error", "lower", SECONDS, TIMED

    def samples(self, split, seed, n):
        return [Sample(random.Random(f"{split}|{seed}|{i}").random()) for i in range(n)]

    def draws(self, sample, answer):
        return [1.0 + float(answer) + 0.1 * sample.value]


class Kept(FiniteTask):
    metric, better, whole = "lost", "lower", True

    def items(self):
        return [Sample(1)]

    def draws(self, sample, answer):
        return [float(answer)]
"""
MODEL = """
CALLS = []
def answer(x):
    CALLS.append(x)
    return 0.5 + 0.01 * len(CALLS)
def kept(x):
    return 0
"""


@contextmanager
def begun(folder: Path, steady: Pool, seconds: float = 1.0, timed: bool = False) -> Iterator[Slow]:
    """The objective of a new program, its panel scored."""
    for name, text in {
        "charter.toml": CHARTER, "program/model.py": MODEL,
        "tasks/fit.py": TASKS.replace("SECONDS", str(seconds)).replace("TIMED", str(timed)),
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    birth.begin(folder, 1)
    with lives.opened(folder, seed=1) as life:
        life.pool = steady
        try:
            domain = loop.domains_of(life)["fit"]
            assert isinstance(domain, Slow)
            domain.observe()
            yield domain
        finally:
            life.pool = None


@pytest.fixture(scope="module")
def steady() -> Iterator[Pool]:
    with Pool(2, require="confined") as pool:
        yield pool


def variant(domain: Slow, body: str, kept: str = "return 0", family: str = "") -> Candidate:
    text = f"def answer(x):\n    {body}\ndef kept(x):\n    {kept}\n"
    edit = Edit("fit", {"model.py": text}, body[:40], "edit", "", family=family)
    return domain.life.candidate(domain.objective, {"model.py": text}, edit=edit)


def raced(domain: Slow, *candidates: Candidate) -> list[str]:
    """Race a batch; what became of each, and the runs that it took in all."""
    for _ in domain.race(candidates):
        pass
    outcomes = [domain.life.archive.outcome("fit", candidate.id) for candidate in candidates]
    assert all(outcomes)
    return [str(outcome) for outcome in outcomes]


def test_the_longer_an_answer_takes_the_fewer_are_asked_for() -> None:
    before: Any = None
    for seconds in (0.05, 0.3, 1.0, 5.0, 60.0, 3600.0):
        now = sizes.of_slow(seconds, 2, None)
        assert 2 <= now.panel <= 8 and 4 <= now.members <= 60 and 4 <= now.blocks <= 40 and now.wanted >= 2
        assert now.watched in sizes.WATCHED and now.ahead[0] == 10
        for name in ("panel", "wanted", "members", "blocks"):
            assert before is None or getattr(now, name) <= getattr(before, name), name
        before = now
    assert sizes.of_slow(0.3, 2, 20).panel == 20, "of finitely many no more than there are"
    assert sizes.watched_of({"kind": "quality"}) == (30, 90) and sizes.watched_of({"kind": "speed"}) == (12, 48)
    assert sizes.watched_of({"kind": "quality", "watched": [12, 48]}) == (12, 48)


def test_only_tasks_that_say_so_are_slow(tmp_path: Path, steady: Pool) -> None:
    with begun(tmp_path / "p", steady) as domain:
        assert domain.sizes.panel == 2 and not domain.alone
        task: Any = domain.life.tasks["fit"]
        type(task).seconds = 0.0
        assert type(loop.domain_of(domain.life, domain.objective)) is Quality


def test_each_answer_is_of_a_process_of_its_own_in_a_race_too(tmp_path: Path, steady: Pool) -> None:
    with begun(tmp_path / "p", steady) as domain:
        members = domain.population.members
        blocks = [0.1 * block.sample.value for block in domain.panel]
        assert [round(a - b, 9) for a, b in zip(members[0].scores, blocks, strict=True)] == [1.51] * 2


def test_half_of_a_batch_leaves_after_the_first_block_and_what_is_too_dear_leaves(tmp_path: Path, steady: Pool) -> None:
    with begun(tmp_path / "p", steady) as domain:
        domain.cost = 0.1  # far above what the cheap ones take beside other work
        before = domain.life.trials
        some = [variant(domain, f"return {level}") for level in (0.1, 0.2, 0.3, 0.4)]
        dear = variant(domain, "return sum(0 for _ in range(20_000_000))")
        broken = variant(domain, "return [x]")
        outcomes = raced(domain, *some, dear, broken)
        assert outcomes == ["raced", "raced", "worse", "worse", "slow", "invalid"]
        assert domain.life.trials - before == 6 + 2 + 1, "what is dear ran once more: a single run says little"


@contextmanager
def with_short(domain: Slow) -> Iterator[None]:
    """Its task has short samples: their value is negative."""
    kind: Any = type(domain.task)
    kind.short_seconds = 0.01
    kind.short = lambda self, sample: type(sample)(-1.0)
    try:
        yield
    finally:
        kind.short_seconds = 0.0


def test_only_the_best_of_a_family_and_nothing_far_behind_goes_on_from_a_short_run(
    tmp_path: Path, steady: Pool
) -> None:
    with begun(tmp_path / "p", steady) as domain, with_short(domain):
        before = domain.life.trials
        one = [variant(domain, f"return {level} if x < 0 else 0.4", family="one") for level in (0.3, 0.1, 0.2)]
        two = [variant(domain, f"return {level} if x < 0 else 0.1", family="two") for level in (0.9, 1.0)]
        alone = variant(domain, "return 0.2 if x < 0 else 0.3")
        broken = variant(domain, "return [x]", family="one")
        outcomes = raced(domain, *one, *two, alone, broken)
        assert outcomes == ["worse", "worse", "worse", "worse", "worse", "raced", "invalid"]
        assert domain.life.trials - before == 8 + 2 + 1, "short runs of all and of the best so far; two go on; one"


def test_short_runs_make_room_for_more_candidates_and_never_count(tmp_path: Path, steady: Pool) -> None:
    assert sizes.of_slow(0.4, 2, None, 0.04).wanted > sizes.of_slow(0.4, 2, None).wanted
    with begun(tmp_path / "p", steady) as domain, with_short(domain):
        better = variant(domain, "return -9.0 if x < 0 else 0.2")
        assert raced(domain, better) == ["raced"]
        assert domain.population.best.id == better.id and min(domain.population.best.scores) > 1.0


def test_luck_on_the_panel_ends_in_a_race_on_fresh_pairs_and_a_gain_gets_through(tmp_path: Path, steady: Pool) -> None:
    with begun(tmp_path / "p", steady) as domain:
        panel = [block.sample.value for block in domain.panel]
        lucky = variant(domain, f"return 0.0 if x in {panel!r} else 0.9")
        assert raced(domain, lucky) == ["raced"] and domain.population.best.id == lucky.id
        assert domain.finalist() is None
        assert lucky.id in domain.refused and domain.population.best.id != lucky.id
        better = variant(domain, "return 0.3 + 0.05 * x")
        raced(domain, better)
        found = domain.finalist()
        assert found is not None and found.candidate.id == better.id
        assert len(found.differences) >= 6 and min(found.differences) > 0
        assert len(set(found.differences)) == len(found.differences), "of fresh samples, each its own"


def test_what_loses_a_test_is_no_finalist(tmp_path: Path, steady: Pool) -> None:
    with begun(tmp_path / "p", steady) as domain:
        breaks = variant(domain, "return 0.1", kept="return 1")
        assert raced(domain, breaks) == ["raced"] and domain.finalist() is None
        keeps = variant(domain, "return 0.2")
        raced(domain, keeps)
        found = domain.finalist()
        assert found is not None and found.candidate.id == keeps.id


def test_timed_pairs_run_one_at_a_time_in_an_order_that_hangs_on_the_sample(tmp_path: Path, steady: Pool) -> None:
    clock = "import time; t = time.monotonic(); time.sleep(0.03); return [t, time.monotonic()]"
    with begun(tmp_path / "p", steady, timed=True) as domain:
        assert domain.alone
        versions = variant(domain, clock), variant(domain, clock + "  # the same")
        task: Any = domain.task
        type(task).draws = lambda self, sample, answer: answer
        fresh = trials.prepare(task.samples("explore", 5, 8))
        rows = paired.on_blocks(domain.life, versions, task, fresh).rows
        spans = sorted(span for row in rows for span in (row[:2], row[2:]))
        assert all(end <= start for (_, end), (start, _) in pairwise(spans)), "never two at once"
        first = [row[2] < row[0] for row in rows]
        assert first == [bool(zlib.crc32(block.data) & 1) for block in fresh] and len(set(first)) == 2


def test_the_closing_table_keeps_to_the_time_that_is_left() -> None:
    """Half-second pairs in half of the time: as many as fit, twice as many where nothing has changed, four at least."""
    task = SimpleNamespace(whole=False)
    domain: Any = SimpleNamespace(task=task, sizes=sizes.of_slow(0.5, 2, None))
    assert closing._blocks(domain, 600.0, 2) == domain.sizes.blocks == 40
    assert (closing._blocks(domain, 9.9, 2), closing._blocks(domain, 9.9, 1)) == (9, 19)
    assert closing._blocks(domain, 0.1, 2) == 4
    task.whole = True
    assert closing._blocks(domain, 0.1, 2) == 40, "a whole population is looked at as a whole"
