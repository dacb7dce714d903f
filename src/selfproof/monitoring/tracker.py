"""Trackers of experiments: any module with the three functions that wandb has, ``init``, ``log`` and ``finish``.

Such a library prints, hangs, starts threads and takes signals. So it has a process of its own (``main`` here), which is
told one event a line and answers each with one; what the library prints goes nowhere. Only numbers are passed on.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from selfproof.monitoring.feed import bounded
from selfproof.nouns import Event, UsageError
from selfproof.viewing.words import at, finite

NEEDED = ("init", "log", "finish")
LONGEST_S = 60.0
"""That one call may take, unless the run is at its end."""


class Tracker:
    """The sink, in the engine: a process that has the module. ``hurry`` is set when nothing may be waited for."""

    def __init__(self, module: str, hurry: threading.Event) -> None:
        """Start it.

        Raises:
            UsageError: the module cannot be imported, or lacks a function.
        """
        self._hurry = hurry
        # -P: a file of that name in the current folder, which may be a program's, is not what is meant.
        command = [sys.executable, "-P", "-m", "selfproof.monitoring.tracker", module]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        try:
            self._answer()
        except BaseException:
            self._end()
            raise

    def take(self, event: Event) -> None:
        """Pass on the numbers that an event has.

        Raises:
            ConnectionError: the library failed, in its words.
        """
        told: dict[str, Any] = {"log": row_of(event)} if event["event"] != "start" else {"init": init_of(event)}
        if told.get("log") == {}:
            return
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        self._answer()

    def close(self) -> None:
        """End the tracker's run, and its process.

        Raises:
            ConnectionError: the library failed, in its words.
        """
        try:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._answer()
        finally:
            self._end()

    def _answer(self) -> None:
        out, line, waited = self._process.stdout, b"", 0.0
        assert out is not None
        while not line.endswith(b"\n"):
            if not select.select([out], [], [], 0.1)[0]:
                waited += 0.1
                if self._hurry.is_set() or waited > LONGEST_S:
                    self._end()
                    raise ConnectionError("it took too long, and was ended")
            elif more := os.read(out.fileno(), 4096):
                line += more
            else:
                raise ConnectionError("its process ended")
        if problem := json.loads(line)["problem"]:
            raise ConnectionError(problem)

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def init_of(event: Event) -> dict[str, Any]:
    """What a tracker's run is called, and what is known of it at its start."""
    config = {key: event.get(key) for key in ("program", "seconds", "strategy", "seeds", "tier", "objectives")}
    name = f"{str(event.get('program'))[:8]}-v{event.get('version')}"
    return {"project": "selfproof", "name": name, "config": bounded(config)}


def row_of(event: Event) -> dict[str, float]:
    """What is worth a curve; only finite numbers."""
    name, kind = event.get("objective"), event["event"]
    row: dict[str, Any] = {}
    if kind == "status":
        row = {key: event.get(key) for key in ("version", "trials", "cpu_seconds", "certified", "refused", "entries")}
        row |= {"alpha_spent": at(event, "alpha", "spent")}
        row |= {f"models/{key}": at(event, "models", key) for key in ("tokens_in", "tokens_out", "dollars")}
    elif kind == "race":
        row = {f"{name}/best": event.get("best"), f"{name}/incumbent": event.get("incumbent"),
               f"{name}/candidates": event.get("candidates")}  # fmt: skip
    elif kind == "confirm" and not event.get("control"):
        row = {f"{name}/pairs": event.get("pairs"), f"{name}/log_wealth": event.get("log_wealth"),
               f"{name}/log_line": event.get("log_threshold")}  # fmt: skip
    elif kind == "decision" and event.get("verdict") == "adopted":
        low, high = at(event, "effect", "interval") or (None, None)
        row = {f"{name}/effect": at(event, "effect", "value"), f"{name}/effect_low": low,
               f"{name}/effect_high": high, "version": event.get("version")}  # fmt: skip
    elif kind == "summary":
        rows = [one for one in event.get("objectives", []) if isinstance(one, dict)]
        row = {f"{one.get('name')}/{key}": one.get(key) for one in rows for key in ("start", "now")}
    return {key: float(value) for key, value in row.items() if finite(value) is not None}


def module_of(name: str) -> Any:
    """The module, with all that it needs.

    Raises:
        UsageError: it cannot be imported, or lacks a function.
    """
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise UsageError(f"the tracker {name} cannot be imported: {error}") from None
    if missing := [one for one in NEEDED if not callable(getattr(module, one, None))]:
        raise UsageError(f"the tracker {name} has no {missing[0]}()")
    return module


def main(name: str) -> None:
    """The process: import, then do what each line of standard input says, and answer it."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever the library prints is no answer

    def tried(do: Callable[[], Any]) -> Any:
        problem, found = "", None
        try:
            found = do()
        except Exception as error:  # noqa: BLE001  a stranger's library: whatever it raises is told in one line
            problem = f"{type(error).__name__}: {error}"[:300]
        os.write(answers, json.dumps({"problem": problem}).encode() + b"\n")
        return found

    if (module := tried(lambda: module_of(name))) is None:
        return
    begun = False
    for line in sys.stdin.buffer:
        told = json.loads(line)
        if "init" in told:
            tried(partial(module.init, **told["init"]))
            begun = True
        else:
            tried(partial(module.log, told["log"]))
    tried(lambda: module.finish() if begun else None)


if __name__ == "__main__":
    main(sys.argv[1])
