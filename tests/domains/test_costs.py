"""What a version costs against the anchor, on a machine whose others lengthen runs: by outcomes made up here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from selfproof.domains import costs, paired
from selfproof.trial import blocks as trials

USUAL, SAME, DEAR = "anchor", "same", "dear"
NEEDS = {USUAL: 0.010, SAME: 0.010, DEAR: 0.021}


class Machine:
    """Stands for the jail: each run takes what its version needs, times what the machine adds to it."""

    def __init__(self, slowed: dict[str, Iterator[float]], seconds: dict[str, float] = NEEDS) -> None:
        self.slowed, self.seconds, self.runs = slowed, seconds, 0

    def run(self, life: object, jobs: Sequence[str]) -> list[Any]:
        del life
        self.runs += len(jobs)
        return [SimpleNamespace(cpu_seconds=self.seconds[job] * next(self.slowed[job], 1.0)) for job in jobs]


def judged(monkeypatch: pytest.MonkeyPatch, machine: Machine, version: str, *, alone: bool) -> str | None:
    monkeypatch.setattr(paired, "run", machine.run)
    monkeypatch.setattr(trials, "job", lambda files, entry, blocks, limits: files)
    life: Any = SimpleNamespace(
        limits_of=lambda one: None, state=SimpleNamespace(anchor=0),
        version=lambda one, number: SimpleNamespace(files=USUAL),
    )  # fmt: skip
    objective: Any = SimpleNamespace(max_cost=2.0, entry="")
    candidate, part = SimpleNamespace(files=version), ["block"] * 3
    return costs.refusal(life, objective, candidate, part, alone=alone)  # type: ignore[arg-type]


def noise(*rows: float) -> Iterator[float]:
    return iter(rows)


@pytest.mark.parametrize("alone", [True, False])
def test_runs_that_a_busy_machine_lengthened_refuse_nothing(monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    """Most of the first runs of a version as fast as the anchor took four times as long."""
    busy = Machine({USUAL: noise(), SAME: noise(*[4.0] * (3 if alone else 4))})
    assert judged(monkeypatch, busy, SAME, alone=alone) is None


def test_a_whole_look_that_was_disturbed_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    disturbed = Machine({USUAL: noise(), SAME: noise(*[4.0] * costs.RUNS)})
    assert judged(monkeypatch, disturbed, SAME, alone=False) is None
    assert disturbed.runs == 2 * 2 * costs.RUNS


@pytest.mark.parametrize("alone", [True, False])
def test_what_is_dear_is_refused_however_the_anchor_was_disturbed(monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    """The anchor's first runs took three times as long, so that a version of 2.1 times its cost looked cheap."""
    busy = Machine({USUAL: noise(*[3.0] * 4), DEAR: noise()})
    told = judged(monkeypatch, busy, DEAR, alone=alone)
    assert told == "it needs 2.1 times the anchor's CPU, allowed are 2"
    assert busy.runs == costs.LOOKS * costs.RUNS * (6 if alone else 2), "not before it was repeated"


def test_runs_that_are_dear_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Machine({USUAL: noise(), SAME: noise(), DEAR: noise()}, {name: 60 * s for name, s in NEEDS.items()})
    assert judged(monkeypatch, long, SAME, alone=True) is None and long.runs == 6
    assert judged(monkeypatch, long, DEAR, alone=True) is not None and long.runs == 6 + 6 * costs.LOOKS
