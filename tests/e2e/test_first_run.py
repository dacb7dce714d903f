"""What a newcomer gets: the shipped apprentice, ``run --minutes 1.5 --seed 1``, ended by its fifth certificate.

Bounds are loose, for slow and busy machines; benchmarks/acceptance.py has the ones that count.
"""

from __future__ import annotations

from typing import Any


def test_it_ends_in_time_with_a_sound_ledger(apprentice: Any) -> None:
    summary = apprentice.summary
    assert summary["ended"] in {"time", "enough", "nothing left to try"} and summary["seconds"] < 400
    assert summary["ledger"]["verified"] is True and summary["certified"] >= 1
    names = [row["name"] for row in summary["objectives"]]
    assert names == ["memory", "operations", "training", "puzzles", "improver"]


def test_the_memory_is_far_better_than_its_start(apprentice: Any) -> None:
    row = apprentice.memory
    assert 4.0 < row["start"] < 5.0
    assert row["start"] / row["now"] >= 1.8
    assert row["best_human"]["value"] * 2 <= row["start"], "the start is at least twice as bad as the best human rule"


def test_transfer_is_shown_or_its_absence_is_said(apprentice: Any) -> None:
    row = apprentice.memory
    main, other = row["gain"]["value"], row["transfer"][0]["gain"]["interval"][0]
    words = "does not carry over" if other < 0.5 * main else "by at least half of the main gain"
    assert words in row["transfers"]


def test_the_same_number_of_tries_went_into_the_human_rules(apprentice: Any) -> None:
    row = apprentice.memory
    assert row["human_evaluations"] >= max(500, row["evaluations"])
    assert {human["name"].split(",")[0] for human in row["humans"]} >= {"Jelinek-Mercer", "Witten-Bell", "Dirichlet"}
    assert row["best_human"]["value"] == min(human["value"] for human in row["humans"])


def test_no_control_came_out_wrong(apprentice: Any) -> None:
    expected = {"fake_gain": "refused", "planted_gain": "certified", "aa": "refused"}
    assert all(answer in {expected[name], "not_run"} for name, answer in apprentice.summary["controls"].items())


def test_operations_keep_their_outputs_and_say_how_much_time_they_take(apprentice: Any) -> None:
    row = next(r for r in apprentice.summary["objectives"] if r["name"] == "operations")
    assert row["metric"] == "seconds" and row["start"] > 0 and row["now"] > 0
    for function in row["functions"]:
        assert function["interval"][0] <= function["ratio"] <= function["interval"][1]
