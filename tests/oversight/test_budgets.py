"""Ceilings: what is told at 80%, what ends a run at 100%, and what a run that misses its target says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.charter import Budget
from selfproof.holding import ADVICE, lasting, size_of
from selfproof.ledger import read
from selfproof.oversight.budgets import ENDS, ceilings
from selfproof.places import Paths


def test_a_ceiling_is_near_at_80_percent_and_what_is_no_number_counts_as_too_much() -> None:
    budget = Budget(cpu_hours=2.0, disk_mb=10.0)
    found = {one.name: one for one in ceilings(budget, {"cpu_hours": 1.6, "disk_mb": 7.9, "dollars": 3.0})}
    assert {name: one.level for name, one in found.items()} == {"cpu_hours": 0.8, "disk_mb": 0.0}  # 0 dollars: none
    for used, level in ((2.0, 1.0), (9.0, 1.0), (math.nan, 1.0), (math.inf, 1.0), (-1.0, 1.0), (0.0, 0.0)):
        (one,) = ceilings(budget, {"cpu_hours": used})
        assert one.level == level, used


def test_every_ceiling_has_advice() -> None:
    assert set(ADVICE) >= ENDS
    every = Budget(dollars=1, tokens=1, disk_mb=1)
    assert {one.name for one in ceilings(every, dict.fromkeys(ADVICE, 0.0))} == set(ADVICE)


@pytest.mark.parametrize(
    ("ceiling", "limit"), [("disk_mb", "0.01"), pytest.param("cpu_hours", "0.0001", marks=pytest.mark.slow)]
)
def test_a_ceiling_before_the_target_ends_the_run_with_5(cli: Any, tmp_path: Path, ceiling: str, limit: str) -> None:
    folder = made(tmp_path / "life")
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + f"{ceiling} = {limit}\nuntil_certified = 50\n")
    done = cli.run("run", "--minutes", "0.2", "--seed", "1", "--json", "--at", folder)
    assert done.code == 5 and ceiling in done.err and ADVICE[ceiling] in done.err
    summary = done.events[-1]
    assert summary["ended"] == f"ceiling {ceiling}" and summary["target"]["reached"] is False
    told = [event for event in done.events if event["event"] == "budget"]
    assert {event["ceiling"] for event in told} == {ceiling} and told[-1]["share"] >= 1
    bodies = [leaf.body for leaf in read(folder / ".selfproof" / "ledger").leaves() if leaf.kind == "budget"]
    assert [body["level"] for body in bodies] in ([1.0], [0.8, 1.0])
    assert audit(folder / ".selfproof" / "ledger")["ok"]
    assert any(
        row["ceiling"] == "adoptions_per_day" for row in cli.run("status", "--json", "--at", folder).json["ceilings"]
    )


def test_a_target_that_is_reached_ends_a_run_with_0(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + "until_certified = 1\n")
    done = cli.run("run", "--minutes", "1", "--seed", "1", "--focus", "suite", "--json", "--at", folder)
    assert done.code == 0 and done.events[-1]["ended"] == "enough", done.err
    assert done.events[-1]["target"] == {"certified": 1, "wanted": 1, "reached": True}


def test_what_lasts_is_counted_over_the_whole_life(finite_life: Any) -> None:
    paths = Paths(finite_life.folder)
    state = fold(read(paths.ledger).leaves())
    found = lasting(paths, state)
    assert found["adoptions_per_day"] == len(state.versions) - 1 > 0
    assert found["disk_mb"] == size_of(paths.private) / 1e6 > 0 == found["dollars"]
