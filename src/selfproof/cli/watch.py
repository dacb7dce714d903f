"""``selfproof watch``: look over a run's shoulder from another terminal, without touching it."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from selfproof.cli.common import at_option, invocation, json_option
from selfproof.monitoring.feed import Follower
from selfproof.nouns import UsageError
from selfproof.places import Paths

if TYPE_CHECKING:
    from selfproof.cli.views import View

PAUSE_S = 0.1
EPILOG = """\b
Examples:
  selfproof watch                     the run that goes on here, or the last one
  selfproof watch --at my-program --wait
  selfproof watch --json | jq -c 'select(.event == "decision")'"""


@click.command(epilog=EPILOG)
@click.option("--wait", is_flag=True, help="Stay when nothing is running, and show the next run.")
@at_option
@json_option
def command(folder: Path, wait: bool, as_json: bool) -> None:
    """Show what the running program does: what is tried, evidence against its line, decisions, budgets, time left.

    `q` or Ctrl-C leaves; the run goes on. To stop the run: selfproof stop.
    """
    paths = Paths(folder)
    if not paths.ledger.exists() and not wait:
        raise UsageError(f"{folder.resolve()} holds no living program", advice="Name its folder: --at DIR")
    watch = Watch(paths, as_json)
    try:
        with keys() as pressed:
            while watch.look() or wait:
                if "q" in pressed(PAUSE_S):
                    break
    except KeyboardInterrupt:  # leaving is what was asked for: nothing was interrupted
        pass
    finally:
        watch.close()
    if not as_json and watch.said:
        click.echo(watch.said)


class Watch:
    """What is shown of a run, from its first event on, at the pace of its own clock."""

    def __init__(self, paths: Paths, as_json: bool) -> None:
        self._paths, self._as_json = paths, as_json
        self._follower = Follower(paths)
        self._stack = ExitStack()
        self._view: View | None = self._shown() if as_json else None
        self._at: float | None = None  # while what has been is told: when it was
        self._ended = False

    def _clock(self) -> float:
        return time.time() if self._at is None else self._at

    def look(self) -> bool:
        """Show what is new; whether a run is going on."""
        for event in self._follower.read():
            self._at = event["time"]
            if event["event"] == "start":
                self._ended = False
                if not self._as_json:
                    self._view = self._shown()
            if self._view is not None:
                self._view.take(event)
            self._ended |= event["event"] in {"summary", "failed"}
        self._at = None
        return bool(self._follower.running)

    def _shown(self) -> View:
        from selfproof.cli.views import view_for

        self._stack.close()
        return self._stack.enter_context(view_for(self._as_json, self._clock, self._below))

    def _below(self) -> tuple[str, ...]:
        """How to leave, and how to stop what is watched."""
        return (f"q leaves, the run goes on · to stop it: {invocation('stop', self._paths.folder)}",)

    @property
    def said(self) -> str:
        """The last words: nothing where a run goes on that was only looked at."""
        where = self._paths.folder.resolve()
        if self._follower.running:
            return ""
        if not self._paths.live.exists():
            return f"nothing is running in {where}, and no run has told of itself there"
        cut = "" if self._ended else "; the last run ended without a word (killed, or the power went)"
        return f"nothing is running in {where}{cut}. To go on: {invocation('run', self._paths.folder)}"

    def close(self) -> None:
        """Give the terminal back."""
        self._stack.close()
        self._follower.close()


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """Gives a function that waits so long for keys and returns them; the terminal is as it was afterwards."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):

        def wait(seconds: float) -> str:
            time.sleep(seconds)
            return ""

        yield wait
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([terminal], [], [], seconds)
        return os.read(terminal, 64).decode("ascii", "replace").lower() if ready else ""

    tty.setcbreak(terminal)  # Ctrl-C stays a signal
    try:
        yield pressed
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
