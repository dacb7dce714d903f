"""Workers on virtual time: by seed, without waiting, in the order asked for, and a lost node costs time only."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from selfproof.jail import Job, Outcome
from selfproof.simulate.virtual import Law, VirtualPool


class Echo:
    """Answers every job with its own input."""

    tier: str = "none"
    layers: tuple[str, ...] = ()

    def map(self, jobs: Sequence[Job]) -> list[Outcome]:
        """One output for each input."""
        return [Outcome("ok", tuple(job.inputs), None, (), 0.0, 0.0, "", "none", ()) for job in jobs]

    def close(self) -> None:
        """Nothing to end."""


def jobs(count: int) -> list[Job]:
    """So many jobs, each with an input of its own."""
    return [Job({}, "a.py:f", [str(number).encode()]) for number in range(count)]


def lived(workers: int, law: Law, seed: int = 1) -> VirtualPool:
    """A pool that has done 100 jobs."""
    pool = VirtualPool(Echo(), workers, law, seed)
    assert [outcome.outputs for outcome in pool.map(jobs(100))] == [(str(n).encode(),) for n in range(100)]
    return pool


def test_one_seed_takes_one_virtual_time() -> None:
    """The clock hangs on the seed alone."""
    law = Law(3600.0, failures=0.1)
    assert lived(8, law).now == lived(8, law).now != lived(8, law, seed=2).now


def test_the_clock_is_what_the_workers_make_of_it() -> None:
    """Without spread 100 hours of work are 100 / workers, rounded up to whole trials."""
    law = Law(3600.0, spread=0.0)
    assert [lived(n, law).now / 3600 for n in (1, 8, 100, 1000)] == pytest.approx([100, 13, 1, 1])


def test_a_result_moves_the_clock_and_is_there_afterwards() -> None:
    """What was submitted is under way until somebody waits for it, or time passes elsewhere."""
    pool = VirtualPool(Echo(), 2, Law(10.0, spread=0.0))
    first, second, third = (pool.submit(job) for job in jobs(3))
    assert pool.now == 0 and pool.busy == 2 and not first.done()
    first.result()
    assert pool.now == 10 and second.done() and not third.done()
    third.result()
    assert pool.now == 20 and pool.busy == 0


def test_a_lost_node_costs_time_and_no_outcome() -> None:
    """Its jobs start again: the same outcomes, later."""
    calm, rough = lived(4, Law(1.0, spread=0.0)), lived(4, Law(1.0, spread=0.0, failures=0.3))
    assert calm.lost == 0 < rough.lost and rough.now > calm.now and rough.jobs == calm.jobs == 100


@pytest.mark.parametrize("law", [{"seconds": 0.0}, {"failures": 1.0}, {"spread": -1.0}, {"seconds": float("nan")}])
def test_what_is_no_law_is_refused(law: dict[str, float]) -> None:
    """Neither endless nor backward."""
    with pytest.raises(ValueError, match="must be positive"):
        Law(**law)


def test_no_worker_is_refused() -> None:
    """As the real pool does."""
    with pytest.raises(ValueError, match="at least one worker"):
        VirtualPool(Echo(), 0, Law())
