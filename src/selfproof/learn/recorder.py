"""Experience as a run uses it: what it is told at the start, and a thread that writes down what happens.

The store is a help, never a condition. Whatever is wrong with it, a run goes on without it, after one line that says
so; and a run never waits for it: rows are written beside it, and what cannot be written in time is left out.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from selfproof.learn import experience
from selfproof.learn.experience import Attempt, Store

WAITING = 256  # batches; a run whose store is slower than that leaves some out
LAST_S = 2.0  # for writing what is left, at the end of a run


class Nothing:
    """No experience: it was switched off."""

    problem: str | None = None

    def told(self, kind: str, metric: str, operators: Sequence[str]) -> dict[str, Any]:
        """What is known of operators: nothing."""
        del kind, metric, operators
        return {}

    def raced(self, attempts: Sequence[Attempt]) -> None:
        """Edits came out of their race."""

    def decided(self, candidate: str, certified: bool) -> None:
        """A confirmation ended."""

    def close(self) -> None:
        """Write what is left."""


class Recorder(Nothing):
    """The experience of one run of one program. ``reads`` is False in a run with a seed: see docs/learner.md."""

    def __init__(self, path: Path, program: str, *, reads: bool) -> None:
        self._path, self._program, self._reads = path, experience.short(program), reads
        self._jobs: queue.Queue[Callable[[Store], None] | None] = queue.Queue(WAITING)
        self._known: dict[tuple[str, ...], dict[str, Any]] = {}
        self._thread = threading.Thread(target=self._write, name="selfproof-experience", daemon=True)
        self._thread.start()

    def told(self, kind: str, metric: str, operators: Sequence[str]) -> dict[str, Any]:
        """What is known of these operators, as it was when this run first asked."""
        key = (kind, metric, *operators)
        if self._reads and key not in self._known:
            self._known[key] = self._told(kind, metric, operators)
        return self._known.get(key, {})

    def _told(self, kind: str, metric: str, operators: Sequence[str]) -> dict[str, Any]:
        if self.problem is not None:
            return {}
        try:
            return experience.told(self._path, kind, metric, operators)
        except Exception as error:  # noqa: BLE001  a help must never end a run
            self._give_up(error)
            return {}

    def raced(self, attempts: Sequence[Attempt]) -> None:
        """Write down edits that came out of their race."""
        if attempts:
            self._put(lambda store: store.add(self._program, attempts))

    def decided(self, candidate: str, certified: bool) -> None:
        """Write down how the confirmation of a candidate ended."""
        self._put(partial(Store.decided, program=self._program, candidate=candidate, certified=certified))

    def _put(self, job: Callable[[Store], None]) -> None:
        if self.problem is None:
            try:
                self._jobs.put_nowait(job)
            except queue.Full:
                self._give_up(TimeoutError("it is too slow"))

    def _write(self) -> None:
        try:
            store = Store(self._path)
        except Exception as error:  # noqa: BLE001
            self._give_up(error)
            return
        try:
            while self.problem is None and (job := self._jobs.get()) is not None:
                job(store)
        except Exception as error:  # noqa: BLE001
            self._give_up(error)
        finally:
            store.close()

    def _give_up(self, error: Exception) -> None:
        words = " ".join(str(error).split())[:160] or type(error).__name__
        advice = "" if isinstance(error, OSError | sqlite3.OperationalError) else "; selfproof experience --forget"
        self.problem = self.problem or f"experience is not used: {self._path}: {words}{advice}"

    def close(self) -> None:
        """Let the thread write what is left, for as long as that takes a moment."""
        try:
            self._jobs.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(LAST_S)


def recorder_of(program: str, *, keep: bool, seed: int | None) -> Nothing:
    """The experience of a run, by the charter's ``[experience] keep`` and the environment. Raises nothing."""
    try:
        path = experience.place() if keep else None
    except (OSError, RuntimeError):  # there is no home
        path = None
    return Recorder(path, program, reads=seed is None) if path is not None else Nothing()
