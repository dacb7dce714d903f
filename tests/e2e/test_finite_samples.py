"""A program made by hand, with two objectives whose samples are finite: a test suite and a hold-out.

``finite_life`` lives for a few seconds: the improver suggests a wrong, a half-right and a right rule for each.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof.archive.evidence import unpack
from selfproof.archive.state import fold
from selfproof.ledger import read


@pytest.fixture(scope="module")
def leaves(finite_life: Any) -> list[Any]:
    return list(read(finite_life.folder / ".selfproof" / "ledger").leaves())


def start_of(leaves: list[Any], objective: str) -> Any:
    return next(leaf for leaf in leaves if leaf.kind == "confirm-start" and leaf.body["counter"] == objective)


def effect_of(leaves: list[Any], objective: str) -> dict[str, Any]:
    version = next(v for v in fold(leaves).versions[1:] if v.objective == objective)
    return version.effect


def rows_of(folder: Path, leaves: list[Any], start: Any) -> tuple[list[int], list[tuple[float, ...]]]:
    reader = read(folder / ".selfproof" / "ledger")
    numbers, rows = [], []
    for leaf in leaves:
        if leaf.kind == "results" and leaf.body["confirmation"] == start.index:
            header, some = unpack(reader.get_blob(leaf.body["pairs"]["$blob"]))
            numbers += header["numbers"]
            rows += some
    return numbers, rows


def test_both_are_solved_certified_and_verified(cli: Any, finite_life: Any) -> None:
    folder, events = finite_life.folder, finite_life.events
    adopted = {e["objective"]: e["title"] for e in events if e["event"] == "decision" and e["verdict"] == "adopted"}
    assert adopted == {"holdout": "double", "suite": "square"}
    assert events[-1]["certified"] == 2 and cli.run("verify", "--at", folder).code == 0
    namespace: dict[str, Any] = {}
    exec((folder / "program" / "suite.py").read_text(), namespace)
    assert namespace["square"](7.0) == 49.0


def test_a_suite_is_compared_exactly_twice_and_spends_nothing(finite_life: Any, leaves: list[Any]) -> None:
    start = start_of(leaves, "suite")
    assert (start.body["rule"]["test"], start.body["alpha_k"], start.body["rule"]["most_pairs"]) == ("exact", 0.0, 40)
    numbers, rows = rows_of(finite_life.folder, leaves, start)
    assert numbers == [*range(20)] * 2 and rows[:20] == rows[20:]
    verdict = next(leaf.body for leaf in leaves if leaf.kind == "verdict" and leaf.body["confirmation"] == start.index)
    assert "on all 20 samples" in verdict["claim"] and verdict["blind_spot"] == 0.0
    assert verdict["pool"]["items"] == 20 and verdict["pool"]["lifetime"] is None
    effect = effect_of(leaves, "suite")
    assert effect["from"] == "the whole population" and effect["interval"] == [effect["value"]] * 2
    assert effect["value"] == pytest.approx(17 / 20), "17 of 20 squares were wrong before"
    row = next(row for row in finite_life.events[-1]["objectives"] if row["name"] == "suite")
    assert row["whole"] is True and row["gain"]["interval"] == [row["gain"]["value"]] * 2


def test_a_hold_out_repeats_no_item_says_where_its_effect_is_from_and_is_retired(
    cli: Any, finite_life: Any, leaves: list[Any]
) -> None:
    folder, events = finite_life.folder, finite_life.events
    start = start_of(leaves, "holdout")
    assert start.body["alpha_k"] == pytest.approx(0.05 * 0.4 / 2) and start.body["rule"]["test"] == "bet"
    numbers, rows = rows_of(folder, leaves, start)
    assert 10 < len(set(numbers)) == len(numbers) == len(rows)
    effect = effect_of(leaves, "holdout")
    assert "flatter" in effect["from"] and effect["pairs"] == len(rows)
    retired = next(e for e in events if e["event"] == "retired")
    assert retired["objective"] == "holdout" and "all 1 confirmations" in retired["reason"]
    later = [e for e in events[events.index(retired) :] if e["event"] in {"observe", "race"}]
    assert later and {e["objective"] for e in later} == {"suite"}, "attention moves on"
    status = cli.run("status", "--json", "--at", folder).json
    assert status["retired"] == {"holdout": retired["reason"]}
    assert "holdout is retired" in cli.run("status", "--at", folder).out
    assert status["alpha"]["spent"] == pytest.approx(0.05 * 0.4), "its whole share, and nothing for the suite"


def test_other_items_under_the_same_name_are_refused(cli: Any, finite_life: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finite_life.folder, tmp_path / "copy"))
    tasks = folder / "tasks" / "finite.py"
    text = tasks.read_text()
    refused = {
        "Random(5)": "Random(6)",
        'lifetime, shares = "error", "lower", 20.0, 1': 'lifetime, shares = "error", "lower", 20.0, 9',
    }
    for old, new in refused.items():
        assert old in text
        tasks.write_text(text.replace(old, new))
        done = cli.run("run", "--minutes", "0.05", "--at", folder)
        assert done.code == 2 and "objective holdout" in done.err and "a new name" in done.err
    tasks.write_text(text)
    charter = folder / "charter.toml"
    allowed = charter.read_text()
    charter.write_text(allowed + '\n[certify]\nmode = "fdr"\n')
    done = cli.run("run", "--minutes", "0.05", "--at", folder)
    assert done.code == 2 and "the mode is fdr" in done.err and "a new program" in done.err
    charter.write_text(allowed)
    tasks.write_text(text.replace("range(20)", "range(21)"))
    assert cli.run("run", "--minutes", "0.03", "--at", folder).code == 0, "a suite may grow"
    assert cli.run("verify", "--at", folder).code == 0


def test_no_answer_of_a_hold_out_is_shown_to_people_either(cli: Any, finite_life: Any) -> None:
    words = ("compare", "start", "now", "--objective", "holdout", "--at", finite_life.folder, "--on")
    done = cli.run(*words, "confirm")
    assert done.code == 2 and "for the gate alone" in done.err
    assert cli.run(*words, "report").code == 0


@pytest.mark.slow
def test_until_certified_ends_a_run_early_and_counts_each_run_anew(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "living", lifetime=1)
    for so_far in (1, 2):
        done = cli.run("run", "--minutes", 3, "--until-certified", 1, "--json", "--at", folder)
        assert done.code == 0, done.err
        summary = done.events[-1]
        assert (summary["ended"], summary["certified"]) == ("enough", so_far)
        assert summary["seconds"] < 150
    done = cli.run("run", "--minutes", 0.05, "--until-certified", 1, "--json", "--at", folder)
    assert done.events[-1]["ended"] != "enough", "what earlier runs certified does not count"
    assert cli.run("verify", "--at", folder).code == 0
