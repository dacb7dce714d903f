"""The plain view, the choice of a view, and the JSON stream."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views_streams import places, recorded, spoiled

from selfproof.cli.views import JsonView, view_for
from selfproof.cli.views.live import LiveView
from selfproof.cli.views.plain import PlainView
from selfproof.viewing.story import Line, Story, control_line

JUNK = [None, "", [], {}, "x", -1, float("nan"), 1e308, [None, "a"], {"a": 1}, "\x1b[2J", True]


class Ticks:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def shown(events: list[dict[str, Any]], pause: float | None = 0.0) -> list[str]:
    out = io.StringIO()
    with PlainView(out, Story(pause, Ticks())) as view:
        for event in events:
            view.take(event)
    return out.getvalue().splitlines()


def test_whose_improver_is_asked_and_by_which_strategy_it_searches_is_told() -> None:
    broken = {"event": "improver", "objective": "game24", "version": 3, "asked": 1, "reason": "crashed: \x1b[2Jno"}
    lines = shown([broken, {**broken, "asked": 3, "reason": ""}])
    assert "v3: is broken; that of v1 is asked in its place: crashed" in lines[0] and "\x1b" not in lines[0]
    assert "its own improver works again" in lines[1] and len(lines) == 2
    start = next(event for event in recorded() if event["event"] == "start")
    assert any("hgm, not the default" in line for line in shown([{**start, "strategy": "hgm"}]))
    assert not any("default" in line for line in shown([{**start, "strategy": "default"}]))


def test_a_recorded_run_as_plain_lines() -> None:
    lines = shown([event for event in recorded() if event["event"] != "summary"])
    assert [line.split()[1] for line in lines] == [
        "made", "started", "isolation", "seeds", "searched", "certified", "searched", "certified",
        "control", "control", "control", "searched", "searched",
    ]  # fmt: skip
    assert lines[5] == (
        " 0:00 certified memory v1: 1.0 -> (c + 1.0) / (t + 97.0); t + 97.0 -> t + 97.0: "
        "1.5107 better [1.4683, 1.5530], 11 pairs"
    )
    assert "it is better on 71% of single draws, yet 0.917 bits_per_char worse on average" in lines[8]


def test_the_closing_table_follows() -> None:
    text = "\n".join(shown(recorded()))
    for words in ("not achieved", "ledger verified", "selfproof verify --at /home/ada/apprentice", "fake gain"):
        assert words in text


def test_races_are_told_together_after_a_pause() -> None:
    ticks, out = Ticks(), io.StringIO()
    view = PlainView(out, Story(2.0, ticks))
    race = {"event": "race", "objective": "memory", "candidates": 10, "kept": 2, "best": 2.0, "incumbent": 3.0}
    view.take({"event": "screened", "objective": "memory", "title": "t", "reason": "memory.py: imports os"})
    for _ in range(5):
        ticks.time += 0.5
        view.take(race)
    assert out.getvalue() == (
        " 0:02 searched  memory 40 candidates, 8 kept, best 2.0000 (program 3.0000); "
        "1 against the rules (memory.py: imports os)\n"
    )


def test_the_live_story_keeps_races_back_until_something_is_confirmed() -> None:
    story = Story(None, Ticks())
    assert story.tell({"event": "race", "objective": "memory", "candidates": 10, "kept": 2}) == []
    lines = story.tell({"event": "confirm", "objective": "memory", "pairs": 0})
    assert lines == [Line("searched", "", "memory 10 candidates, 2 kept")]
    assert story.tell({"event": "confirm", "objective": "memory", "pairs": 0}) == []


def test_a_refusal_says_why() -> None:
    event = {"event": "decision", "objective": "operations", "verdict": "refused", "title": "t", "pairs": 8,
             "step": "gate", "reason": "no sign of a gain worth waiting for"}  # fmt: skip
    assert shown([event]) == [" 0:00 refused   operations: t: no sign of a gain worth waiting for, after 8 pairs"]


def test_a_control_that_comes_out_wrong_is_not_a_control_that_came_out() -> None:
    wrong = control_line("fake_gain", "certified", "refused", "because")
    assert (wrong.word, wrong.told) == ("WRONG", "certified, it must be refused: because")
    assert control_line("aa", "refused", "refused", "").word == "control"
    measured = control_line("placebo", "certified", None, "")
    assert measured.word == "control" and "certified, which is measured, not required" in measured.told
    assert control_line("aa", "not_run", "refused", None).told.startswith("not run")


def test_what_a_kill_left_open_is_told_on_a_later_run_only() -> None:
    later = {"event": "start", "finished": ["finished writing version 3"]}
    assert any(line.split()[1] == "finished" for line in shown([later]))
    assert not any(line.split()[1] == "finished" for line in shown([{"event": "init"}, later]))


@pytest.mark.parametrize("event", recorded(), ids=lambda e: e["event"])
def test_any_field_may_be_missing_or_odd(event: dict[str, Any]) -> None:
    shown([{"event": event["event"]}])
    for key in [k for k in event if k != "event"]:
        shown([spoiled(event, (key,), lambda holder, k: holder.pop(k))])
        if event["event"] != "summary":
            for junk in JUNK:
                shown([{**event, key: junk}])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_part_of_the_summary_may_be_odd(data: st.DataObject) -> None:
    whole = recorded()[-1]
    path = data.draw(st.sampled_from([p for p in places(whole) if p != ("event",)]))
    junk = data.draw(st.sampled_from(JUNK))
    lines = shown([spoiled(whole, path, lambda holder, key: holder.__setitem__(key, junk))])
    assert "\x1b" not in "".join(lines)


def test_an_unknown_event_is_passed_over() -> None:
    assert shown([{"event": "tomorrow", "x": 1}, {}]) == []


class Screen(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("term", "encoding", "tty", "kind"),
    [
        ("xterm-256color", "utf-8", True, LiveView), ("dumb", "utf-8", True, PlainView),
        ("", "utf-8", True, PlainView), ("xterm", "ascii", True, PlainView), ("xterm", "utf-8", False, PlainView),
    ],
)  # fmt: skip
def test_the_view_fits_the_output(
    monkeypatch: pytest.MonkeyPatch, term: str, encoding: str, tty: bool, kind: type
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdout", (Screen if tty else io.TextIOWrapper)(io.BytesIO(), encoding=encoding))
    assert type(view_for(False)) is kind
    assert type(view_for(True)) is JsonView


def test_the_whole_run_fits_an_ascii_stream() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    view = PlainView(out, Story(0.0))
    for event in recorded():
        view.take(event)
    text = raw.getvalue().decode("ascii")
    assert "93.5 ms -> 97.2 ms" in text and "?" not in text


def test_json_is_one_event_a_line_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    events = [*recorded(), {"event": "x", "title": "é\x9b\u202e\ud800\n"}]
    with JsonView() as view:
        for event in events:
            view.take(event)
    out = capsys.readouterr().out
    assert [json.loads(line) for line in out.splitlines()] == events
    assert out.isascii() and out.replace("\n", "").isprintable()
