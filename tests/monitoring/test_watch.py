"""`selfproof watch`: another terminal sees the run, and leaving it changes nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof.monitoring.feed import Feed, Follower, running
from selfproof.places import Paths


@pytest.fixture
def going(cli: Any, tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    folder = made(tmp_path / "p")
    process = cli.launch("run", "--minutes", 3, "--seed", 1, "--at", folder, stdout=subprocess.DEVNULL)
    try:
        while not running(Paths(folder)):
            assert process.poll() is None
            time.sleep(0.05)
        yield folder, process
    finally:
        cli.end(process)


class Terminal:
    """`selfproof watch` on a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.ours, theirs = pty.openpty()
        self.settings = termios.tcgetattr(theirs)
        command = [sys.executable, "-m", "selfproof", "watch", "--at", str(folder)]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
        )  # fmt: skip
        self.theirs = theirs
        self.seen = ""

    def until(self, words: str) -> None:
        end = time.monotonic() + 60
        while words not in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen):
            assert time.monotonic() < end and self.process.poll() is None, self.seen[-2000:]
            self.read()

    def read(self) -> None:
        while select.select([self.ours], [], [], 0.1)[0]:
            self.seen += os.read(self.ours, 1 << 16).decode("utf-8", "replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.mark.parametrize("leave", ["q", "ctrl-c"])
def test_whoever_leaves_leaves_the_run_alone(going: tuple[Path, subprocess.Popen[str]], leave: str) -> None:
    folder, run = going
    terminal = Terminal(folder)
    try:
        terminal.until("q leaves, the run goes on")
        terminal.until("left ")
        terminal.until("workers busy")
        if leave == "q":
            os.write(terminal.ours, b"xq")
        else:
            terminal.process.send_signal(signal.SIGINT)
        while terminal.process.poll() is None:
            terminal.read()
        assert terminal.process.returncode == 0
        terminal.read()
        assert termios.tcgetattr(terminal.theirs) == terminal.settings
        assert terminal.seen.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in terminal.seen  # the cursor is back
        assert "Traceback" not in terminal.seen
    finally:
        terminal.close()
    assert run.poll() is None and running(Paths(folder))


def test_events_are_passed_on_until_the_run_ends(going: tuple[Path, subprocess.Popen[str]], cli: Any) -> None:
    folder, run = going
    watching = cli.launch("watch", "--json", "--at", folder)
    try:
        assert watching.stdout is not None
        lines = [json.loads(watching.stdout.readline()) for _ in range(8)]
        run.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=60)
    finally:
        cli.end(watching)
    events = lines + [json.loads(line) for line in out.splitlines()]
    assert watching.returncode == 0 and not err
    assert {"start", "running", "summary"} <= {event["event"] for event in events}
    assert [e["running"] for e in events if e["event"] == "running"] == [True, False]
    numbers = [event["seq"] for event in events if event["event"] != "running"]
    assert numbers == sorted(set(numbers))


def test_the_last_run_is_told_with_its_own_clock_where_none_goes_on(finite_life: Any, cli: Any) -> None:
    done = cli.run("watch", "--at", finite_life.folder)
    assert done.code == 0, done.err
    events = [event for event in Follower(Paths(finite_life.folder)).read() if event["event"] != "running"]
    adopted = next(event for event in events if event["event"] == "decision" and event["verdict"] == "adopted")
    seconds = int(adopted["time"] - events[0]["time"])
    assert f"\n{seconds // 60:2}:{seconds % 60:02} certified {adopted['objective']} v1" in done.out
    assert "ledger verified" in done.out
    assert f"nothing is running in {finite_life.folder.resolve()}. To go on:" in done.out


def test_what_ended_without_a_word_is_said_to(finite_life: Any, cli: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finite_life.folder, tmp_path / "copy"))
    feed = Feed(Paths(folder).live)
    feed.take({"event": "start", "program": "p\x1b[2Jq", "seconds": 9, "layers": []})
    feed.take(
        {"event": "decision", "verdict": "refused", "objective": "o", "title": "\x1b]0;x\x07\u202eevil", "pairs": 3}
    )
    feed.take({"event": "monitoring", "sink": "webhook", "problem": "no\x1b[2Jbody\nlistens"})
    feed.close()
    done = cli.run("watch", "--at", folder)
    assert done.code == 0, done.err
    assert "ended without a word" in done.out and "no[2Jbody listens" in done.out
    assert "\x1b" not in done.out and "\u202e" not in done.out
    Paths(folder).live.unlink()
    assert "no run has told of itself" in cli.run("watch", "--at", folder).out
    nothing = cli.run("watch", "--at", tmp_path)
    assert nothing.code == 2 and "holds no living program" in nothing.err
