"""What the tests share: the command line as a user types it, and one real life that many tests only read.

The life is made once per test session by a real ``selfproof run --seed 1``; a test that changes anything works on a
copy of it. Tests marked ``slow`` run full counts; ``-m slow`` runs them, ``-m ""`` runs everything.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

LIFE_MINUTES = 0.8
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
    launch: Callable[..., "subprocess.Popen[str]"] = launch
    end: Callable[["subprocess.Popen[str]"], None] = end
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


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """One real run; ``SELFPROOF_TEST_LIFE`` keeps it in a folder between sessions, for work on the tests alone."""
    kept = os.environ.get("SELFPROOF_TEST_LIFE")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("life") / "apprentice"
    record = folder.with_name(folder.name + ".events")
    if not record.exists():
        done = selfproof("run", "--minutes", LIFE_MINUTES, "--seed", SEED, "--json", "--at", folder, timeout=400)
        assert done.code == 0, f"exit {done.code}: {done.err}\n{done.out[-2000:]}"
        record.write_text(done.out)
    return Lived(folder, [json.loads(line) for line in record.read_text().splitlines()])


@pytest.fixture
def copied(life: Lived, tmp_path: Path) -> Iterator[Path]:
    """A copy of the life, to change."""
    folder = tmp_path / "copy"
    shutil.copytree(life.folder, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
