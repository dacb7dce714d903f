"""The monitor: gives attacks to a sacrificial engine one by one and judges, from outside, whether each got through.

Evidence is looked for where the attacked things are (files, sockets, processes, the engine itself), and in what the
engine came to believe. A program's own word counts only for calls whose success leaves nothing to see.

Does not protect against:
- what nobody looks for: a change of something that is not in `Outside`, `watch` or the engine's row goes unnoticed.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from selfproof.attacks import watch
from selfproof.attacks.catalogue import Attack
from selfproof.attacks.engine import DEADLINE_S, HONEST_S
from selfproof.attacks.outside import WORK_S, Outside, token

GROWTH_MB: Final = 64.0
LATE_S: Final = 2.0
_START_S: Final = 40.0
_PATIENCE_S: Final = 10.0
_GLANCE_S: Final = 0.5
_SETTLE_S: Final = 0.3  # in which what is being killed may go


class EngineFailed(Exception):
    """A sacrificial engine did not start: the tier is not to be had on this machine."""


@dataclass(frozen=True)
class Row:
    """What came of one attack; `evidence` is empty unless it is `through`; `status` is what the engine saw."""

    name: str
    family: str
    through: bool
    evidence: tuple[str, ...]
    seconds: float
    status: str


@dataclass
class _Before:
    """How things were before an attack."""

    descriptors: int
    states: dict[int, watch.State | None]


class Monitor:
    """A sacrificial engine of one tier with some layers left out, and what is attacked beside it.

    A context manager. Raises EngineFailed where the tier cannot be had.
    """

    def __init__(self, tier: str, without: Iterable[str] = ()) -> None:
        """Start both."""
        self._settings: dict[str, object] = {"tier": tier, "without": sorted(without)}
        self._screening = "fresh" in set(without)
        self._outside = Outside()
        self._engine: subprocess.Popen[str] | None = None
        self._ever: set[int] = set()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Monitor:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def attempt(self, attack: Attack, beside: Mapping[str, str] | None = None, given: object = None) -> Row:
        """Let one attack try; put everything back in order, with a new engine if need be.

        ``beside`` are files that it may import, ``given`` is what it finds as x["given"], plain JSON.
        """
        self._outside.renew_marks()
        facts = self._outside.facts(self._pid) | {"given": given}
        before = self._look()
        watch.forget_peak(self._pid)
        size, began = watch.peak_mb(self._pid), time.perf_counter()
        row = self._ask({"source": attack.source, "x": facts, "beside": dict(beside or {})}, _PATIENCE_S)
        seconds = time.perf_counter() - began
        of_process = self._of_process(before, size) if self._stands() else []
        of_others = self._of_others(before)
        after = self._tell("\n", HONEST_S + 2) if row and self._stands() else None
        of_next = self._of_next(after, int(str(facts["n"]))) if row else []
        found = [*self._of_row(row, seconds), *of_process, *of_others, *of_next, *self._outside.changes()]
        self._put_back(before, after, broken=bool(of_process or of_next))
        status = f"{row['status']}: {row['message']}".removesuffix(": ") if row else "no answer"
        evidence = tuple(dict.fromkeys(found))
        return Row(attack.name, attack.family, bool(evidence), evidence, seconds, status)

    def close(self) -> None:
        """End the engine with everything that ever was below it, and remove the targets. Idempotent."""
        self._stop()
        self._outside.close()

    @property
    def _pid(self) -> int:
        assert self._engine is not None
        return self._engine.pid

    def _start(self) -> None:
        """Start an engine; note which processes its worker is made of."""
        environment = {key: value for key, value in os.environ.items() if key.startswith(("PYTHON", "PATH", "VIRTUAL"))}
        environment["SELFPROOF_ATTACKED"] = self._outside.tokens.setdefault("environment", token("environment"))
        self._engine = subprocess.Popen(
            [sys.executable, "-m", "selfproof.attacks.engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment, text=True, bufsize=1, start_new_session=True,
        )  # fmt: skip
        hello = self._ask(self._settings | {"held": str(self._outside.held)}, _START_S)
        if hello is None or "failed" in hello:
            raise EngineFailed(hello["failed"] if hello else "the sacrificial engine did not start")
        self._outside.tokens["memory"] = str(hello["memory"])
        self._note_worker(int(hello["fork_server"]))

    def _note_worker(self, fork_server: int) -> None:
        """The processes that belong there: the fork-server, and what is between it and the engine."""
        below = watch.descendants(self._pid)
        self._fork_server, self._worker = fork_server, set()
        while fork_server in below:
            self._worker.add(fork_server)
            fork_server = below[fork_server]
        self._ever |= set(below)

    def _stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is None:
            return
        self._ever |= set(watch.descendants(engine.pid))
        engine.kill()
        engine.wait()
        watch.kill({pid for pid in self._ever if watch.state_of(pid)} | watch.named(self._outside.mark))
        self._ever.clear()
        for stream in (engine.stdin, engine.stdout):
            if stream is not None:
                _close(stream)

    def _ask(self, order: dict[str, Any], patience_s: float) -> dict[str, Any] | None:
        return self._tell(json.dumps(order) + "\n", patience_s)

    def _tell(self, line: str, patience_s: float) -> dict[str, Any] | None:
        """Write a line, read a row; None when the engine dies or says nothing."""
        assert self._engine is not None and self._engine.stdin is not None and self._engine.stdout is not None
        try:
            self._engine.stdin.write(line)
            self._engine.stdin.flush()
            end = time.monotonic() + patience_s
            while not select.select([self._engine.stdout], [], [], _GLANCE_S)[0]:
                if time.monotonic() > end or not self._stands():
                    return None
            row: dict[str, Any] = json.loads(self._engine.stdout.readline())
        except (OSError, ValueError):
            return None
        return row

    def _stands(self) -> bool:
        assert self._engine is not None
        state = watch.state_of(self._pid)
        return state is not None and not state.stopped

    def _look(self) -> _Before:
        assert self._outside.bystander is not None
        watched = {self._pid, self._outside.bystander.pid, *self._worker}
        return _Before(watch.descriptors(self._pid), {pid: watch.state_of(pid) for pid in watched})

    def _of_row(self, row: dict[str, Any] | None, seconds: float) -> list[str]:
        """Evidence in what the engine heard and believes."""
        if row is None:
            state = watch.state_of(self._pid)
            if state is None:
                return ["the engine died"]
            return ["the engine was stopped" if state.stopped else "the engine does not answer"]
        found = [f"{word} is in its answer or its log" for word in self._tokens_in(row)]
        if row["perfect"]:
            found.append("the engine believes a perfect score")
        if row["escape"]:
            found.append("an escape sequence reached the log")
        if row["said"] == "went through":
            found.append("its call went through")
        if row["said"] == "worked" and row["elapsed"] >= WORK_S and row["seconds"] < WORK_S / 2:
            found.append(f"the engine believes {row['seconds']:.2f} s instead of {WORK_S} s")
        if seconds > DEADLINE_S + LATE_S:
            found.append(f"it held the engine up for {seconds:.1f} s")
        return found

    def _tokens_in(self, row: dict[str, Any]) -> list[str]:
        return [f"the {kind} token" for kind, word in self._outside.tokens.items() if word in row["tokens"]]

    def _of_process(self, before: _Before, size: float) -> list[str]:
        """Evidence in the engine's processes: its size and descriptors, its worker, and what lives on below it."""
        found = []
        if (growth := watch.peak_mb(self._pid) - size) > GROWTH_MB:
            found.append(f"the engine grew by {growth:.0f} MB")
        if (now := watch.descriptors(self._pid)) >= 0 and abs(now - before.descriptors) > 3 * self._screening:
            found.append(f"the engine holds {now} descriptors instead of {before.descriptors}")
        for pid in self._worker:
            if (state := watch.state_of(pid)) != before.states[pid]:
                found.append(f"{self._name(pid)} {_difference(before.states[pid], state)}")
        end = time.monotonic() + _SETTLE_S
        while (survivors := self._survivors()) and time.monotonic() < end:
            time.sleep(0.02)
        if survivors:
            found.append(f"{len(survivors)} of its processes live on")
        return found

    def _of_others(self, before: _Before) -> list[str]:
        assert self._outside.bystander is not None
        pid = self._outside.bystander.pid
        state = watch.state_of(pid)
        return [] if state == before.states[pid] else [f"the bystander {_difference(before.states[pid], state)}"]

    def _name(self, pid: int) -> str:
        return "the fork-server" if pid == self._fork_server else "the worker"

    def _survivors(self) -> set[int]:
        """Processes that are left of it; for screening, one child of the fork-server may be there."""
        below = watch.descendants(self._pid)
        self._ever |= set(below)
        strange = set(below) - self._worker
        children = sorted(pid for pid in strange if below[pid] == self._fork_server)
        if self._screening and self._fork_server in below and len(children) == 1:
            strange.discard(children[0])
        return strange | watch.named(self._outside.mark)

    def _of_next(self, after: dict[str, Any] | None, n: int) -> list[str]:
        """Evidence in what the honest program after it answers."""
        if after is None:
            return ["the engine died"] if not self._stands() else ["the engine does not go on"]
        if after["status"] != "ok" or after["output"] is None:
            return [f"the next program came to {after['status']} without its answer"]
        answer, left = after["output"]
        wrong = [f"the next program answered {str(answer)[:20]}"] if answer != 2 * n + 1 else []
        return wrong + [f"the next program found: {item}" for item in left]

    def _put_back(self, before: _Before, after: dict[str, Any] | None, *, broken: bool) -> None:
        """Clean up; a new engine if this one, its worker or what it left inside is not as it was."""
        assert self._outside.bystander is not None
        bystander = self._outside.bystander.pid
        changed = watch.state_of(bystander) != before.states[bystander]
        if broken or changed or after is None:
            self._stop()  # first: a process that is being traced cannot be buried while its tracer lives
            if changed:
                self._outside.renew_bystander()
            self._start()
        elif after["restarted"]:
            self._note_worker(int(after["fork_server"]))
        self._outside.clean()


def _difference(before: watch.State | None, after: watch.State | None) -> str:
    if before is None or after is None:
        return "died"
    if after.stopped != before.stopped:
        return "was stopped"
    if after.nice != before.nice:
        return f"has niceness {after.nice}"
    return "is tied to other processors" if after.affinity != before.affinity else "has other limits"


def _close(stream: Any) -> None:
    try:
        stream.close()
    except OSError:  # a pipe whose reader is gone, with something left to say
        return
