"""The jail's own failures at the level of the loop: they stop a run with a message and are charged to no candidate."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from selfproof import birth, line
from selfproof import life as lives
from selfproof.audit import audit
from selfproof.domains import paired, timing
from selfproof.domains.base import Finalist, refused_before
from selfproof.domains.quality import Quality
from selfproof.domains.speed import Speed
from selfproof.jail import Job, Outcome, Pool
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, SelfproofError

FAILED = Outcome("jail_failed", (), "it was killed from outside", (), 0.0, 0.0, "", "confined", ())


class Unsteady:
    """A pool of which some jobs fail for reasons of its own: those from number ``fails_from`` on."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self.tier, self.layers, self.fails_from, self.met = pool, pool.tier, pool.layers, 10**9, 0

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        first, self.met = self.met, self.met + len(jobs)
        done = self._pool.map(jobs[: max(0, self.fails_from - first)])
        return [*done, *[FAILED] * (len(jobs) - len(done))]

    def submit(self, job: Job) -> Future[Outcome]:
        self.met += 1
        if self.met <= self.fails_from:
            return self._pool.submit(job)
        failed: Future[Outcome] = Future()
        failed.set_result(FAILED)
        return failed

    def close(self) -> None:
        self._pool.close()


@pytest.fixture(scope="module")
def steady() -> Iterator[Pool]:
    with Pool(2, require="confined") as pool:
        yield pool


@contextmanager
def begun(folder: Path, steady: Pool) -> Iterator[tuple[Quality, Unsteady]]:
    """The memory's objective of a new program, its panel scored."""
    birth.make(folder, seed=1)
    with lives.opened(folder, seed=1) as life:
        pool = Unsteady(steady)
        life.pool = pool  # type: ignore[assignment]
        domain = Quality(life, life.charter.objective("memory"))
        domain.observe()
        yield domain, pool
        life.pool = None


@pytest.fixture
def quality(unborn: Callable[[], Path], steady: Pool) -> Iterator[tuple[Quality, Unsteady]]:
    with begun(unborn(), steady) as made:
        yield made


def edited(life: Life, domain: Quality) -> Candidate:
    """The incumbent with a change that changes nothing; its form is new."""
    incumbent = life.version(domain.objective)
    text = incumbent.files[domain.path] + "\n\ndef unused():\n    return 1\n"
    edit = Edit("memory", {domain.path: text}, "say the same again", "edit", incumbent.id)
    return life.candidate(domain.objective, {**incumbent.files, domain.path: text}, edit=edit)


def finalist(domain: Quality) -> Finalist:
    life = domain.life
    return Finalist(edited(life, domain), life.version(domain.objective), (0.1, 0.2, 0.15))


def standing(domain: Quality) -> tuple[object, ...]:
    """Everything that remembers what became of a candidate."""
    return (
        [m.id for m in domain.population.members], set(domain.refused), refused_before(domain.life, "memory"),
        domain.life.archive.forms("memory"), domain.life.archive.forms("memory", settled=True),
    )  # fmt: skip


QUALITY: dict[str, Callable[[Quality], object]] = {
    "observe": lambda domain: domain._rescore([domain.life.version(domain.objective), edited(domain.life, domain)]),
    "propose": lambda domain: domain.propose(domain.observe()),  # type: ignore[arg-type]
    "race": lambda domain: list(domain.race([edited(domain.life, domain)])),
    "repeat": lambda domain: domain._differences(*[domain.population.best] * 2),
    "guard on explore": lambda domain: paired.loses_on_a_guard(domain.life, domain.life.version(domain.objective), 0),
    "measure": lambda domain: domain.begin(finalist(domain), [1, 2])(),
    "check": lambda domain: domain.check(finalist(domain), 3),
}


SINGLE = ("race", "repeat")  # steps of one job


@pytest.mark.parametrize(
    ("step", "fails_from"), [(step, at) for step in QUALITY for at in (0, 1) if at == 0 or step not in SINGLE]
)
def test_no_step_of_quality_charges_a_candidate(quality: tuple[Quality, Unsteady], step: str, fails_from: int) -> None:
    domain, pool = quality
    before = standing(domain)
    pool.fails_from, pool.met = fails_from, 0
    with pytest.raises(SelfproofError, match="the jail failed twice on one job: it was killed from outside") as caught:
        QUALITY[step](domain)
    assert "Run again" in caught.value.advice()
    assert standing(domain) == before
    pool.fails_from = 10**9
    QUALITY[step](domain)  # and goes on as if nothing had been


def test_the_end_of_a_check_is_not_charged_either(quality: tuple[Quality, Unsteady]) -> None:
    """The last job of a check is one of those that compare its CPU with the anchor's: without it, it costs nothing."""
    domain, pool = quality
    pool.met = 0
    assert domain.check(finalist(domain), 3) is None
    for fails_from in (pool.met // 2, pool.met - 1):
        pool.fails_from, pool.met = fails_from, 0
        with pytest.raises(SelfproofError, match="the jail failed"):
            domain.check(finalist(domain), 3)


def certified(domain: Quality, better: str) -> tuple[Finalist, Any]:
    """A confirmation that the real gate certifies."""
    life = domain.life
    incumbent = life.version(domain.objective)
    edit = Edit("memory", {domain.path: better}, "repair it", "edit", incumbent.id)
    candidate = life.candidate(domain.objective, {**incumbent.files, domain.path: better}, edit=edit)
    chosen = Finalist(candidate, incumbent, (0.5, 0.6, 0.7))
    steps = line.confirm(life, domain, chosen)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return chosen, end.value


def test_a_guard_that_was_cut_off_is_charged_to_nobody(
    unborn: Callable[[str], Path], quality: tuple[Quality, Unsteady], steady: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its draws are lost and not drawn again, so the confirmation is given up; the candidate may come again."""
    folder = unborn("damaged")
    memory = folder / "program" / "memory.py"
    good = memory.read_text()
    damaged = quality[0].task.damaged(good, "predict")
    assert damaged is not None
    memory.write_text(damaged)
    with begun(folder, steady) as (domain, pool):
        life = domain.life
        chosen, confirming = certified(domain, good)
        assert confirming.verdict["answer"] == "certified"
        monkeypatch.setattr(domain, "check", lambda *_: None)
        pool.fails_from, pool.met = 0, 0
        with pytest.raises(SelfproofError, match="the jail failed"):
            list(line.decide(life, domain, chosen, confirming))
        assert confirming.decision is None
        pool.fails_from = 10**9
        (event,) = list(line.decide(life, domain, chosen, confirming))  # what the next run does
        assert (event["verdict"], event["step"]) == ("refused", "abandoned")
        assert not refused_before(life, "memory") and chosen.candidate.id not in domain.refused
        life.ledger.commit()
        found = audit(life.paths.ledger)
        assert found["ok"], found["first_bad"]


SPEED: dict[str, tuple[int, Callable[[Speed], object]]] = {
    "profile": (6, lambda domain: domain.observe()),
    "pair": (
        3,
        lambda domain: timing.pair(domain.life, *[domain.life.version(domain.objective)] * 2, PLACE, CALLS, False),
    ),
    "equal": (
        4,
        lambda domain: domain._equal(domain.life.version(domain.objective), {PLACE: CALLS}, random.Random(1), FEW),
    ),
    "record": (
        2,
        lambda domain: domain.spots.recorded(domain.life.files(), PLACE, views_of(domain)),
    ),
}
PLACE = "notebook.py:missing"


def views_of(domain: Any) -> Any:
    return domain.task.inputs("confirm", 1, 2)


CALLS: list[list[Any]] = [[1], [2], [3]]
FEW: Any = None


@pytest.mark.parametrize("step", SPEED)
def test_no_step_of_speed_charges_a_candidate(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job of each step fails once; the others are said to have answered, so that only the failure can tell."""
    from selfproof.domains import speed
    from selfproof.jail import values

    monkeypatch.setattr("test_jail_failed.FEW", speed.Fuzz(40, 10**6, 60.0, 40))
    birth.make(tmp_path / "whole", seed=1)
    profile = {"hot": [["notebook.py", "missing", 1, 1.0, 1.0]], "calls": {PLACE: CALLS}}
    answered = Outcome("ok", (values.encode(profile),), None, (0.01,), 0.01, 30.0, "", "confined", (), cpu=(0.01,))
    jobs, steps = SPEED[step]
    with lives.opened(tmp_path / "whole", seed=1) as life:
        for fails_at in range(jobs):
            met: list[Job] = []

            class Canned:
                tier, layers = "confined", ()

                def map(self, jobs: Sequence[Job], fails_at: int = fails_at, met: list[Job] = met) -> list[Outcome]:
                    met += jobs
                    first = len(met) - len(jobs)
                    return [FAILED if first + i == fails_at else answered for i in range(len(jobs))]

                together = map

            life.pool = Canned()  # type: ignore[assignment]
            domain = Speed(life, life.charter.objective("operations"))
            with pytest.raises(SelfproofError, match="the jail failed"):
                steps(domain)
            assert len(met) > fails_at
        life.pool = None
