"""What the tests share: the command line as a user types it, and real lives that many tests only read.

``life`` is a run whose charter has the memory's objective alone, so that a short time holds many confirmations;
``apprentice`` is ``selfproof run --minutes 1.5 --seed 1`` as a newcomer types it. Each is made once per test session;
a test that changes anything works on a copy. Tests marked ``slow`` run full counts: ``-m slow``, or ``-m ""`` for all.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from finite_program import made

SEED = 1


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "selfproof", *map(str, arguments)]


def launch(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start a command in a session of its own; its output is piped."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command(*arguments), start_new_session=True, **{**pipes, **options})


def selfproof(*arguments: object, timeout: float = 120, **options: Any) -> Done:
    """Run a command to its end; one that does not end is killed and fails the test."""
    process = launch(*arguments, **options)
    try:
        out, err = process.communicate(timeout=timeout)
    except BaseException:
        end(process)
        raise
    return Done(process.returncode, out, err)


def until(event: str, folder: Path, *arguments: object, count: int = 1) -> Done:
    """Let a program run until it has told of ``count`` events of a kind, then press Ctrl-C: quick, no closing table."""
    process = launch("run", "--minutes", 3, "--json", "--at", folder, *arguments)
    lines: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if sum(f'"event": "{event}"' in seen for seen in lines) == count:
                process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 130, (process.returncode, err)
    return Done(process.returncode, "".join(lines), err)


def end(process: subprocess.Popen[str]) -> None:
    """Kill a command with everything below it."""
    below = descendants(process.pid)
    process.kill()
    for pid in below:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate()


def descendants(ancestor: int) -> set[int]:
    """Process ids below ``ancestor``, at any depth."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found: set[int] = set()
    while new := {pid for pid, parent in parents.items() if parent in found | {ancestor}} - found:
        found |= new
    return found


def alive(pid: int) -> bool:
    """Whether the process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_gone(pids: set[int], within_s: float) -> bool:
    """Whether none of the processes is alive any more, at the latest after ``within_s`` seconds."""
    deadline = time.monotonic() + within_s
    while any(map(alive, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@dataclass(frozen=True)
class Cli:
    """The helpers above, for tests in other folders (several folders have a ``conftest`` of their own)."""

    run: Callable[..., Done] = selfproof
    launch: Callable[..., subprocess.Popen[str]] = launch
    until: Callable[..., Done] = until
    end: Callable[[subprocess.Popen[str]], None] = end
    descendants: Callable[[int], set[int]] = descendants
    all_gone: Callable[[set[int], float], bool] = all_gone


@pytest.fixture(scope="session")
def cli() -> Cli:
    return Cli()


@dataclass(frozen=True)
class Lived:
    """A real life that only reads are allowed on, the events of the run that made it, and its summary."""

    folder: Path
    events: list[dict[str, Any]]

    @property
    def summary(self) -> dict[str, Any]:
        return self.events[-1]

    @property
    def memory(self) -> dict[str, Any]:
        return next(row for row in self.summary["objectives"] if row["name"] == "memory")


def without_operations(folder: Path) -> Path:
    """The shipped apprentice before its birth, with the memory as its only objective."""
    source = resources.files("selfproof") / "templates" / "apprentice"
    with resources.as_file(source) as real:
        shutil.copytree(real, folder, ignore=shutil.ignore_patterns("__pycache__"))
    charter = (folder / "charter.toml").read_text()
    head, mark, tail = charter.partition("[[objective]]                        # how it operates")
    assert mark
    (folder / "charter.toml").write_text(head + tail[tail.index("[[guard]]") :])
    return folder


def live(folder: Path, minutes: float) -> Lived:
    """Run a life unless its record is there already."""
    record = folder.with_name(folder.name + ".events")
    if not record.exists():
        done = selfproof("run", "--minutes", minutes, "--seed", SEED, "--json", "--at", folder, timeout=400)
        assert done.code == 0, f"exit {done.code}: {done.err}\n{done.out[-2000:]}"
        record.write_text(done.out)
    return Lived(folder, [json.loads(line) for line in record.read_text().splitlines()])


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's lives are made; ``SELFPROOF_TEST_LIVES`` keeps them, for work on the tests alone."""
    kept = os.environ.get("SELFPROOF_TEST_LIVES")
    return Path(kept) if kept else tmp_path_factory.mktemp("lives")


@pytest.fixture(scope="session")
def life(shelf: Path) -> Lived:
    folder = shelf / "memory"
    return live(folder if folder.exists() else without_operations(folder), 0.6)


@pytest.fixture(scope="session")
def apprentice(shelf: Path) -> Lived:
    return live(shelf / "apprentice", 1.5)


@pytest.fixture(scope="session")
def finite_life(shelf: Path) -> Lived:
    """A few seconds of the hand-made program whose samples are finite; its hold-out serves one confirmation."""
    folder = shelf / "finite"
    return live(folder if folder.exists() else made(folder, lifetime=1), 0.12)


@pytest.fixture
def unborn(tmp_path: Path) -> Callable[[str], Path]:
    """Makes folders with a charter, tasks and a program, and the memory as the only objective."""
    return lambda name="unborn": without_operations(tmp_path / name)


@pytest.fixture
def copied(life: Lived, tmp_path: Path) -> Path:
    """A copy of ``life``, to change."""
    return Path(shutil.copytree(life.folder, tmp_path / "copy"))
