"""Isolation by others: named in `require`, held to a contract that the built-in tiers keep and broken ones do not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from conftest import need
from selfproof.jail import Grants, JailUnavailable, Job, Outcome, Pool, ladder, providers, values
from selfproof.jail.providers import Isolated
from selfproof.testing import sandbox
from selfproof.testing.sandbox import BrokenPromise, check_provider


@pytest.mark.parametrize("tier", ladder.TIERS)
def test_the_built_in_tiers_keep_the_contract(tier: str) -> None:
    need(tier)
    check_provider(lambda preload, grants: ladder.start(tier, preload, grants=grants))


class Broken:
    """A confined worker with one promise broken."""

    def __init__(self, promise: str) -> None:
        self._worker, self._promise = ladder.start("confined", []), promise
        self.tier, self.layers = self._worker.tier, self._worker.layers
        self.grants, self.suspect, self.served = self._worker.grants, False, 0

    def run(self, job: Job) -> Outcome:
        if self._promise != "jobs_are_counted":
            self.served += 1
        if self._promise == "jobs_can_be_cut_short":
            job = replace(job, go_on=None)
        if self._promise == "every_job_starts_anew":
            self._poison = getattr(self, "_poison", "") + job.files["m.py"].replace("def f(x)", "def poison(x)")
            job = replace(job, files={"m.py": f"{self._poison}\npoison(1)\n{job.files['m.py']}"})
        outcome = self._worker.run(job)
        match self._promise:
            case "answers_in_order":
                return replace(outcome, outputs=outcome.outputs[::-1])
            case "trouble_has_a_name" if outcome.status == "error":
                raise RuntimeError(outcome.message)
            case "deadlines_hold":
                time.sleep(sandbox.LATE_S if outcome.status == "timeout" else 0)
            case "interrupting_is_not_the_programs_fault" if outcome.status == "jail_failed":
                return replace(outcome, status="crashed")
        return outcome

    def rest(self) -> None:
        if self._promise == "rest_does_no_harm":
            self._worker.interrupt()

    def interrupt(self) -> None:
        self._worker.interrupt()

    def kill(self) -> None:
        self._worker.kill()


@pytest.mark.parametrize("promise", [promise.__name__ for promise in sandbox.PROMISES])
def test_each_broken_promise_is_found(promise: str) -> None:
    words = str(getattr(sandbox, promise).__doc__).rstrip(".")
    with pytest.raises(BrokenPromise, match=words.replace("`", ".")):
        check_provider(lambda preload, grants: Broken(promise), [getattr(sandbox, promise)])


def elsewhere(preload: Sequence[str], grants: Grants) -> Isolated:
    """A provider as a package would register it."""
    worker = ladder.start("confined", preload)
    worker.tier = "elsewhere"
    return worker


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("elsewhere", f"{__name__}:elsewhere", providers.GROUP)])
    monkeypatch.setattr(EntryPoint, "load", lambda self: elsewhere)

    def entry_points(**wanted: Any) -> EntryPoints:
        return points.select(**wanted)

    monkeypatch.setattr(providers, "entry_points", entry_points)


def test_a_provider_is_taken_by_its_name(registered: None) -> None:
    with Pool(2, require="elsewhere") as pool:
        assert pool.tier == "elsewhere"
        outcome = pool.submit(Job({"m.py": "def f(x): return x"}, "m.py:f", [values.encode(1)])).result()
        assert outcome.status == "ok" and outcome.tier == "elsewhere"
    with pytest.raises(ValueError, match="confined, none, elsewhere"):
        Pool(1, require="nowhere")


def test_a_provider_that_ignores_what_is_granted_is_refused(registered: None) -> None:
    with pytest.raises(JailUnavailable, match="does not give what was granted"):
        Pool(1, require="elsewhere", grants=Grants(gpu=True))
