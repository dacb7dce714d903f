"""The live screen: what it shows, that a title cannot break it, and that it leaves the terminal as it was."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from views_streams import recorded, summary

from selfproof.cli.views.closing import as_text
from selfproof.cli.views.live import LiveView
from selfproof.viewing.now import Now

SEQUENCE = re.compile(r"\x1b\[\??[0-9;]*[a-zA-Z]")
OURS = re.compile(r"\x1b\[(\?25[lh]|[0-9;]*m|1A|2K|[0-9]*[AG])")
HERE = Path(__file__).parent

REPLAY = """
import json, signal, sys
from selfproof.cli.views import view_for
with view_for(False) as view:
    for line in open(sys.argv[1], encoding="utf-8"):
        event = json.loads(line)
        if event["event"] == sys.argv[2]:
            raise {"control": KeyboardInterrupt, "closing": ValueError}[sys.argv[2]]
        view.take(event)
"""


def on_screen(events: list[dict[str, Any]], width: int = 80) -> tuple[str, str, LiveView]:
    """Replay on a terminal of that width; what was written, the bottom lines at the end, and the view."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=40, highlight=False, color_system="truecolor")
    view = LiveView(console, now=lambda: 0.0)
    with view:
        for event in events:
            view.take(event)
        pad = Console(file=io.StringIO(), width=width, color_system=None)
        pad.print(view._bottom())
        bottom = pad.file.getvalue()
    return out.getvalue(), bottom, view


def plain(text: str) -> str:
    return SEQUENCE.sub("", text)


def until(name: str, index: int = 0) -> list[dict[str, Any]]:
    events = recorded()
    found = [i for i, event in enumerate(events) if event["event"] == name]
    return events[: found[index] + 1]


def test_the_bottom_says_who_what_where_and_how_long() -> None:
    _, bottom, _ = on_screen(until("status"))
    head, facts, *_ = bottom.splitlines()
    assert (
        head.startswith("── selfproof e9198668 v1 · 1 certified, 0 refused ───")
        and head.endswith(" 1:30 left ───")
        and len(head) == 80
    )
    assert facts.strip() == "isolation jail · 721 trials · CPU 3.02 s · alpha 0.0051 of 0.05 spent"


def test_what_is_not_known_yet_is_not_made_up() -> None:
    head, facts, *_ = on_screen(until("start"))[1].splitlines()
    assert head.startswith("── selfproof e9198668 v0 ───")
    assert facts.strip() == "isolation jail · alpha 0.05"


def test_when_the_time_is_up_it_says_so() -> None:
    ticks = iter([0.0, 0.0, 0.0])
    now = Now(lambda: next(ticks, 91.0))
    for event in until("start"):
        now.take(event)
    assert [now.left, now.left, now.left] == ["1:30 left", "1:30 left", "time is up"]


def test_the_wealth_climbs_to_its_line() -> None:
    event = {**until("confirm")[-1], "pairs": 7}
    shown = [on_screen([{**event, "log_wealth": w}])[1].splitlines()[3] for w in (-2.0, 0.0, 2.6356508, 5.27130)]
    assert [line.count("━") for line in shown] == [0, 0, 12, 24]
    assert all(line.count("━") + line.count("╌") == 24 for line in shown)
    assert shown[2].endswith("7 fresh pairs, evidence 14 of 195 needed")


def test_it_says_when_only_the_mean_is_waited_for() -> None:
    event = {**until("confirm")[-1], "pairs": 7, "log_wealth": 9.0}
    assert "waiting for the bet on the mean" in on_screen([event])[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("observe", "memory  searching  merge in memory.py"), ("candidate", "operations  raced  vocabulary: remember"),
        ("verdict", "memory  certified  1.0 -> (c + 1.0)"), ("closing", "memory  measuring for the closing table"),
    ],
)  # fmt: skip
def test_the_bottom_follows_the_loop(name: str, words: str) -> None:
    assert words in on_screen(until(name))[1]


def test_a_control_is_called_one_while_it_is_confirmed() -> None:
    event = {**until("confirm")[-1], "control": "aa"}
    assert "memory  control confirming  " in on_screen([event])[1]


def test_decisions_and_controls_stay() -> None:
    text = plain(on_screen(recorded()[:-1])[0])
    assert "✓ certified memory v1  1.0 -> (c + 1.0) / (t + 97.0); t + 97.0 -> t + 97…" in text
    assert "1.5107 better [1.4683, 1.5530], 11 pairs" in text
    assert "◇ control   fake gain  refused, as it must be: it is better on 71% of" in text


def test_only_the_subject_of_a_line_is_bold() -> None:
    out = on_screen(recorded()[:-1])[0]
    bold = set(re.findall(r"\x1b\[1m([^\x1b]*)", out))
    assert {"memory v1", "memory v2", "fake gain"} <= bold
    assert not [text for text in bold if "better" in text or "->" in text]


def test_the_closing_table_is_the_plain_one() -> None:
    text = plain(on_screen(recorded())[0])
    written = [line.rstrip() for line in text.splitlines()]
    expected = as_text(summary(), 80).splitlines()
    assert written[-len(expected) :] == expected


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    for count in (1, 5, 12, 30, len(recorded()) - 1):
        out, bottom, _ = on_screen(recorded()[:count], width)
        lines = [*plain(out).replace("\r", "\n").splitlines(), *bottom.splitlines()]
        assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(
    "title",
    [
        "\x1b[2J\x1b]0;owned\x07x",
        "[bold red]x[/bold red]",
        "[/]",
        "\x9b2Jx",
        "x\r\ny\x08\x08",
        "\u202ex",
        "x" * 10_000,
        "漢" * 200,
    ],
)
def test_a_hostile_title_is_only_text(title: str) -> None:
    events = [{**event, **({"title": title} if "title" in event else {})} for event in recorded()[:-1]]
    events += [{"event": "decision", "verdict": "refused", "title": title, "reason": title, "objective": title}]
    events += [{"event": "observe", "objective": title, "focus": title}]
    out, bottom, _ = on_screen(events)
    rest = OURS.sub("", out)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", rest)
    assert len(bottom.splitlines()) == 4
    if title.startswith("[bold"):
        assert "[bold red]x[/bold red]" in rest


def replay(stop_at: str, **environment: str) -> tuple[str, int]:
    """Replay in a process of its own on a real pseudo-terminal; what the terminal got, and the exit code."""
    master, slave = pty.openpty()
    keep = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"}}
    process = subprocess.Popen(
        [sys.executable, "-c", REPLAY, str(HERE / "data" / "run.jsonl"), stop_at],
        stdin=slave, stdout=slave, stderr=subprocess.DEVNULL,
        env={**keep, "TERM": "xterm-256color", "COLUMNS": "80", "PYTHONUTF8": "1", **environment},
    )  # fmt: skip
    os.close(slave)
    parts = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # EIO: the other side was closed
            break
        if not part:
            break
        parts.append(part)
    os.close(master)
    return b"".join(parts).decode(), process.wait(20)


@pytest.mark.parametrize(("stop_at", "code"), [("nowhere", 0), ("control", 130), ("closing", 1)])
def test_the_cursor_comes_back_however_it_ends(stop_at: str, code: int) -> None:
    out, ended = replay(stop_at)
    assert ended == code or (code == 130 and ended == -2)
    assert out.rfind("\x1b[?25h") > out.rfind("\x1b[?25l") >= 0
    assert ("next" in plain(out).split()) == (stop_at == "nowhere")


def test_no_color_is_honoured() -> None:
    colour = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|9[0-7])(?:;[0-9;]*)?m")
    assert colour.search(replay("nowhere")[0])
    out, _ = replay("nowhere", NO_COLOR="1")
    assert not colour.search(out) and "certified" in plain(out)


def test_a_dumb_terminal_gets_plain_lines() -> None:
    out, code = replay("nowhere", TERM="dumb")
    assert code == 0 and "\x1b" not in out and "certified memory v1: " in out
