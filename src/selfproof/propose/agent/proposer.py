"""The coding agent as a proposer: brief in, one suggestion out, whatever the agent does meanwhile."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from selfproof.propose.agent import cage, words
from selfproof.propose.agent.folder import PROMPT, Harvest, Scratch
from selfproof.propose.agent.presets import LONGEST_WORD, missing, parse
from selfproof.propose.agent.process import Bounds, Ended, Running
from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion
from selfproof.propose.jailed import plain

# Of the user's environment an agent needs all but these: our own, and what would lead git back to the user's project.
_GIT: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"})
_AT_ONCE_S, _AT_ONCE = 10.0, 3
_SHARE, _LEAST_DOLLARS = 4, 0.05
_CLOSING_S = 10.0


class AgentProposer:
    """A command line that edits the files of its current folder, asked for one change at a time.

    Thread-safe: several calls of ``propose`` may be under way.
    """

    def __init__(
        self, command: str, *, minutes: float, dollars: float | None = None, name: str = "",
        hidden: Sequence[Path] = (), isolate: bool = True,
    ) -> None:  # fmt: skip
        """Read the command line or the preset's name; nothing is started.

        ``minutes`` are for one call. Once ``dollars`` were spent, as far as the agent states its costs, nothing more
        is started; None: no ceiling. An agent whose command takes {dollars} and that does not state its cost, since it
        was cut off for example, is taken to have spent all that it was allowed. ``hidden`` are folders that it must
        not see (`cage.around`). ``on_progress`` may be set to what takes lines for a person; it is called in the thread
        that asks.

        Raises:
            UsageError: the command cannot be read, or has no place for the prompt.
        """
        self._command = parse(command, Path.cwd())
        self.name = name or f"agent: {self._command.name}"
        self._minutes, self._dollars = minutes, dollars
        self._hidden, self._isolate = [Path(path).resolve() for path in hidden], isolate
        self.on_progress: Callable[[str], None] | None = None
        self._environ = dict(os.environ)  # as it is now: keys of models leave it when their broker starts
        self._lock = threading.Condition()
        self._runs: set[Running] = set()
        self._closed = False
        self._spent, self._in_vain = Spent(), 0
        self._fence: str | None = None

    @property
    def isolation(self) -> str:
        """ "bubblewrap", or "none" and why; known once something was proposed, "not tried" before."""
        if not self._isolate:
            return "none: switched off"
        fence = self._fence
        return "not tried" if fence is None else f"none: {fence}" if fence else "bubblewrap"

    def close(self) -> None:
        """End what runs, with all its processes and folders, and wait for that; nothing is started any more."""
        with self._lock:
            self._closed = True
            for running in self._runs:
                running.stop()
            self._lock.wait_for(lambda: not self._runs, _CLOSING_S)

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        """Let the agent work on a copy, and yield what it changed.

        Raises:
            ProposerFailed: it could not be started, changed nothing that may be changed, or was stopped.
        """
        running = Running()
        ceiling = self._begin(running)
        try:
            found = self._one(brief, running, ceiling)
        finally:
            with self._lock:
                self._runs.discard(running)
                self._lock.notify_all()
        yield found

    def _begin(self, running: Running) -> float | None:
        """Take note of a run; returns what it may spend."""
        with self._lock:
            if self._closed:
                raise ProposerFailed("closed", fatal=True)
            left = None if self._dollars is None else self._dollars - self._spent.dollars
            if left is not None and left <= 0:
                raise ProposerFailed(
                    f"{self.name}: ${self._spent.dollars:.2f} of ${self._dollars:.2f} spent, so it is not started",
                    fatal=True, advice="Raise [budget] dollars in charter.toml; an agent's price is known afterwards.",
                )  # fmt: skip
            self._runs.add(running)
        # Several calls may be under way at a time: a share each, so that together they stay below the ceiling.
        return None if left is None else min(left, max(left / _SHARE, _LEAST_DOLLARS))

    def _one(self, brief: Brief, running: Running, ceiling: float | None) -> Suggestion:
        prompt = words.prompt_for(brief, self._minutes)
        try:
            scratch = Scratch(brief, prompt)
        except OSError as error:
            raise ProposerFailed(f"no room for a scratch folder: {error.strerror or error}") from None
        try:
            ended = self._run(brief, running, scratch, prompt, ceiling)
            harvest = scratch.harvest()
        finally:
            scratch.remove()
        stated = words.spent(ended.out)
        # One that was told its ceiling and never said what it spent may have spent all of it.
        unknown = ceiling if stated is None and ceiling is not None and self._command.takes_dollars else 0.0
        spent = stated or Spent(dollars=unknown)
        with self._lock:
            self._spent += spent
        if ended.cut == "stopped":
            raise ProposerFailed(f"{self.name}: stopped", fatal=self._closed, spent=spent)
        if not harvest.files:
            raise self._failure(ended, harvest, spent)
        self._in_vain = 0
        return self._suggestion(brief, ended, harvest, spent)

    def _run(self, brief: Brief, running: Running, scratch: Scratch, prompt: str, ceiling: float | None) -> Ended:
        env = environment(self._environ, scratch)
        values = {"prompt": prompt, "prompt_file": str(scratch.prompt), "minutes": f"{self._minutes:g}"}
        if len(prompt.encode()) > LONGEST_WORD:
            values["prompt"] = f"Read the file {PROMPT} in this folder and do what it says."
        if ceiling is not None:
            values["dollars"] = f"{ceiling:.2f}"
        argv = self._command.fill(values, _first(brief))
        if reason := missing(argv[0], env):
            raise ProposerFailed(reason, fatal=True, advice="Install it, or give its path in [proposers] agent.")
        argv[0] = shutil.which(argv[0], path=env.get("PATH")) or argv[0]
        before = self._before(scratch, argv, env)
        env |= {} if before else {"TMPDIR": str(scratch.tmp)}
        told = _Throttled(self.on_progress)
        try:
            return running.run(
                [*before, *argv], scratch.program, env, Bounds(60 * self._minutes), size=scratch.size, told=told
            )
        except OSError as error:
            raise ProposerFailed(f"{argv[0]} cannot be started: {error.strerror or error}", fatal=True) from None

    def _before(self, scratch: Scratch, argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """The fence's command line, empty where there is none; tried once."""
        if not self._isolate:
            return []
        before = cage.arguments(
            scratch.program, scratch.tmp, hidden=self._hidden,
            writable=cage.settings(self._command.own, env), words=argv,
        )  # fmt: skip
        if self._fence is None:
            self._fence = cage.probe(before) or ""
            if self._fence and self.on_progress:
                self.on_progress(plain(f"not isolated: {self._fence}"))
        return [] if self._fence else before

    def _failure(self, ended: Ended, harvest: Harvest, spent: Spent) -> ProposerFailed:
        """Why there is no suggestion, in one line."""
        last = _telling(ended.err) or _telling(ended.out)
        if ended.cut:
            why = ended.cut
        elif ended.code:
            why = f"exit code {ended.code}" + (f": {last}" if last else "")
        else:
            why = "it changed nothing"
        if harvest.dropped:
            why += f" that may be changed ({harvest.words})" if not ended.cut and not ended.code else ""
        self._in_vain = self._in_vain + 1 if ended.code and ended.seconds < _AT_ONCE_S and not ended.cut else 0
        return ProposerFailed(f"{self.name}: {why}", fatal=self._in_vain >= _AT_ONCE, spent=spent)

    def _suggestion(self, brief: Brief, ended: Ended, harvest: Harvest, spent: Spent) -> Suggestion:
        said = words.told(harvest.answer, ended.out, brief.kind)
        title = said.title or f"{self._command.name} changed {', '.join(sorted(harvest.files))}"
        notes = [said.risk, f"the agent: {ended.cut}" if ended.cut else "",
                 f"left out: {harvest.words}" if harvest.dropped else ""]  # fmt: skip
        found = Suggestion(harvest.files, plain(title), "agent", said.prediction, spent=spent)
        return replace(found, risk=plain("; ".join(note for note in notes if note)))


def environment(env: Mapping[str, str], scratch: Scratch) -> dict[str, str]:
    """The user's environment for an agent: everything but selfproof's own and what would lead git elsewhere."""
    kept = {name: value for name, value in env.items() if not name.startswith("SELFPROOF") and name not in _GIT}
    return kept | {
        "PWD": str(scratch.program), "TMPDIR": "/tmp", "NO_COLOR": "1", "TERM": "dumb", "GIT_TERMINAL_PROMPT": "0",  # noqa: S108
        "GIT_CEILING_DIRECTORIES": str(scratch.top),
    }  # fmt: skip


def _first(brief: Brief) -> list[str]:
    """Files for an agent that wants them named: those of the focus, else all that may change, at most 20."""
    editable = [path for path in sorted(brief.files) if brief.may(path)]
    focused = [path for path in dict.fromkeys(place.partition(":")[0] for place in brief.focus) if path in editable]
    return (focused or editable)[:20]


def _telling(printed: str) -> str:
    """The line that most likely says what went wrong: the last with "error" in it, else the last."""
    lines = [said for line in printed.splitlines()[-100:] if (said := words.progress(line).strip())]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "")


class _Throttled:
    """Passes on five lines at once, and two a second after that."""

    def __init__(self, sink: Callable[[str], None] | None) -> None:
        self._sink, self._free, self._last = sink, 5.0, time.monotonic()

    def __call__(self, line: str) -> None:
        now = time.monotonic()
        self._free, self._last = min(5.0, self._free + 2 * (now - self._last)), now
        if self._sink is not None and self._free >= 1 and (text := words.progress(line)):
            self._sink(text)
            self._free -= 1
