"""The closing table: every row that a reader was promised, and what was not achieved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from views_streams import recorded, summary

from selfproof.cli.views.closing import as_text
from selfproof.cli.views.shortfall import next_commands, shortfalls


def quality(**changes: Any) -> dict[str, Any]:
    return {**recorded()[-1]["objectives"][0], **changes}


def speed(**changes: Any) -> dict[str, Any]:
    return {**recorded()[-1]["objectives"][1], **changes}


def missing(*rows: dict[str, Any], **changes: Any) -> list[str]:
    return shortfalls(summary(objectives=list(rows), **changes))


WON = {
    "best_human": {"name": "KN", "value": 1.7, "ratio": 0.97, "ratio_interval": [0.96, 0.98]},
}
FAST = {
    "functions": [{"function": "notebook.py:words", "ratio": 7.4, "interval": [7.1, 7.9]}],
    "ratio": {"value": 1.8, "interval": [1.7, 1.9]},
}


def test_every_row_is_there_at_80_columns() -> None:
    row = recorded()[-1]["objectives"][0]
    text = as_text(summary(), 80)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert all(rule["name"] in text for rule in row["humans"])
    assert [line for line in text.splitlines() if line.endswith(" best")] == [
        "    Witten-Bell, one per order              1.695  [1.656, 1.734]  best"
    ]
    for cells in (
        "start                                     4.430  [4.395, 4.465]",
        "now                                       2.192  [2.143, 2.241]",
        "constants only, 144 evaluations           2.856  [2.803, 2.909]",
        "now / best rule (below 1 is better)     1.293  [1.277, 1.309]",
        "whole workload, 93.5 ms → 97.2 ms          0.97  [0.83, 1.13]  × as fast",
        "tables     1.59 [1.09, 2.08]  0.53 [0.25, 0.81]  0.48 [0.19, 0.78]    153",
    ):
        assert cells in text
    assert row["transfers"] in " ".join(text.split())
    assert "43c65fc75b8539738a091f7399547d69abcaa6484b54010acc63de8453b0fcb1" in text


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_the_screen_but_commands(width: int) -> None:
    folder = "/home/ada" + "/deep" * 30
    lines = as_text(summary(folder=folder), width).splitlines()
    assert all(len(line) <= width or line.startswith("  selfproof ") for line in lines)
    assert [line.strip() for line in lines if line.startswith("  selfproof ")] == [
        f"selfproof log --at {folder}", f"selfproof compare start now --on FILE --at {folder}",
        f"selfproof verify --at {folder}",
    ]  # fmt: skip


def test_what_was_not_run_says_so() -> None:
    bare = quality(constants_only=None, humans=[], best_human=None, transfer=[], slices=[], transfers="")
    controls = {"fake_gain": "not_run", "planted_gain": "not_run", "aa": "refused"}
    text = as_text(summary(objectives=[bare], controls=controls, control_words={}), 80)
    for name in ("constants only", "human rules", "other corpus", "fake gain", "planted gain"):
        assert any(name in line and "not run" in line for line in text.splitlines()), name


def test_rewritten_functions_have_a_row_each() -> None:
    text = as_text(summary(objectives=[speed(**FAST)]), 80)
    assert "notebook.py:words                        7.40  [7.10, 7.90]  × as fast" in text
    assert "functions rewritten" not in text


def test_a_run_that_achieved_everything_lists_nothing() -> None:
    assert missing(quality(**WON), speed(**FAST)) == []
    assert "not achieved" not in as_text(summary(objectives=[quality(**WON), speed(**FAST)]), 80)


def test_the_recorded_run_lists_what_it_lacks() -> None:
    assert shortfalls(summary()) == [
        "memory: still worse than the best human rule (Witten-Bell, one per order): 1.29 times its bits_per_char",
        "operations: no function was certified faster",
        "operations: no difference in the time of the whole workload is shown (the interval includes 1)",
    ]


@pytest.mark.parametrize(
    ("better", "interval", "words"),
    [
        ("lower", [0.9, 0.99], ""), ("lower", [0.9, 1.0], "no difference"), ("lower", [1.01, 1.1], "still worse"),
        ("higher", [0.9, 0.99], "still worse"), ("higher", [0.9, 1.1], "no difference"), ("higher", [1.01, 1.1], ""),
        ("lower", None, "no interval"),
    ],
)  # fmt: skip
def test_against_people_in_both_directions(better: str, interval: list[float] | None, words: str) -> None:
    best = {"name": "rule", "value": 1.0, "ratio": 1.0, "ratio_interval": interval}
    found = missing(quality(better=better, best_human=best))
    assert len(found) == bool(words) and all(words in sentence for sentence in found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gain": {"value": 0.1, "interval": [-0.1, 0.3]}}, "no gain over the start is shown"),
        ({"constants_only": None}, "constants-only control was not run"),
        ({"constants_only": {"now_is_better_by": {"interval": [-0.1, 0.2]}}}, "changing constants only"),
        ({"evaluations": 960}, "had time for 144 of 960 candidates"),
        ({"transfer": []}, "no other corpus was tried"),
        ({"transfer": [{"gain": {"interval": [-0.1, 2.0]}}]}, "not shown on every other corpus"),
        ({"transfer": [{"gain": {"interval": [0.5, 2.0]}}]}, "not carry over by at least half"),
        ({"best_human": None}, "not compared with any human rule"),
    ],
)
def test_shortfalls_of_quality(changes: dict[str, Any], words: str) -> None:
    found = missing(quality(**{**WON, **changes}))
    assert [words in sentence for sentence in found] == [True], found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"functions": []}, "no function was certified faster"),
        ({"functions": [{"function": "a:f", "interval": [0.9, 2.0]}]}, "a:f: not shown to be faster"),
        ({"ratio": {"value": 1.0, "interval": [0.9, 1.2]}}, "the interval includes 1"),
        ({"ratio": {"value": 0.8, "interval": [0.7, 0.9]}}, "slower than at the start"),
    ],
)
def test_shortfalls_of_speed(changes: dict[str, Any], words: str) -> None:
    found = missing(speed(**{**FAST, **changes}))
    assert [words in sentence for sentence in found] == [True], found


def test_what_was_not_searched_is_told_in_one_line() -> None:
    left = {
        "evaluations": 0,
        "gain": {"value": 0.0, "interval": [0.0, 0.0]},
        "constants_only": None,
        "best_human": None,
    }
    assert missing(quality(**left)) == ["memory: not searched: the time went to other objectives"]


def test_several_objectives_are_shown_at_a_glance() -> None:
    best = {"name": "rule", "value": 1.5, "ratio": 1.25, "ratio_interval": [1.2, 1.3]}
    rows = [
        quality(name="one", start=4.0, now=2.0, best_human=best, certified=3),
        quality(name="two", better="higher", start=0.25, now=0.5, best_human=None, certified=0),
    ]
    text = as_text(summary(objectives=rows), 80)
    glance = text.partition("at a glance")[2].partition("result")[0].splitlines()
    assert [line.split() for line in glance[2:4]] == [
        ["one", "↓", "4.000", "2.000", "1.250", "[1.200,", "1.300]", "3"],
        ["two", "↑", "0.2500", "0.5000", "none", "0"],
    ]  # fmt: skip
    assert "at a glance" not in as_text(summary(objectives=rows[:1]), 80)


def test_shortfalls_of_the_run() -> None:
    row = quality(**WON)
    assert missing() == ["the closing table was not measured"]
    assert missing(row, certified=0) == ["no change was certified"]
    assert missing(row, ledger={"verified": False}) == ["the ledger was not verified"]
    assert missing(row, controls={"aa": "refused"}) == ["control not run: fake gain, planted gain"]
    assert missing(row, open=1) == ["1 confirmation still open: the next run goes on with it"]
    assert not any("control not run" in words for words in missing(speed(**FAST), controls={}))


def test_an_unverified_ledger_is_never_shown_as_verified() -> None:
    text = as_text(summary(ledger={"entries": 3, "root": "ab", "verified": False}), 80)
    assert "✗ ledger NOT verified" in text and "✓ ledger verified" not in text


def test_a_change_is_offered_only_where_there_is_one() -> None:
    offers = [" ".join(command for command, _ in next_commands(summary(form="function", version=n))) for n in (0, 1)]
    assert "export --apply" not in offers[0] and "--model" in offers[0] and "export --apply" in offers[1]


def test_commands_name_the_folder_only_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [command for command, _ in next_commands(summary(folder=str(tmp_path)))] == [
        "selfproof log", "selfproof compare start now --on FILE", "selfproof verify",
    ]  # fmt: skip
    assert next_commands(summary(folder="/a/my  b;c"))[0][0] == "selfproof log --at '/a/my  b;c'"
