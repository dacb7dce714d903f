"""What the tests share: the command line as a user types it, and real lives that many tests only read.

``life`` is a run whose charter has the memory's objective alone, so that a short time holds many confirmations;
``apprentice`` is ``selfproof run --minutes 1.5 --seed 1``, ended with the fifth certificate. Each is made once per test
session, by whichever of several test processes (``-n 2``) needs it first; a test that changes anything works on a copy.
Tests marked ``slow`` run full counts: ``-m slow``, or ``-m ""`` for all.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from finite_program import made

# No test, and nothing that a test starts, touches the experience of whoever runs them, unless it names a store.
os.environ["SELFPROOF_EXPERIENCE"] = "off"
# Threads of linear algebra that wait for each other by spinning take the time of the tests beside them.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

SEED = 1
# Files that take longest are begun first, so that no test process has one of them left when the others are done.
LONG = [
    "test_tutorials.py",
    "test_tutorials_too.py",
    "test_first_run.py",
    "test_function_form.py",
    "test_hostile_candidates.py",
    "test_interrupted.py",
    "test_replay.py",
    "test_jail_failures.py",
    "test_simulate_lives.py",
    "test_life.py",
    "test_browser_pages.py",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, without which tests run as well
def pytest_xdist_auto_num_workers() -> int:
    """How many test processes ``-n auto`` starts: two more than processors, as tests spend much of their time waiting.

    Not more than six: each may run a life with workers of its own.
    """
    return min(4, len(os.sched_getaffinity(0))) + 2


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
    left = count
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            left -= f'"event": "{event}"' in line
            if not left:
                left = -1  # once: a second Ctrl-C ends a run at once, wherever it is
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

    @property
    def adopted(self) -> Counter[str]:
        """How many changes were adopted, by objective."""
        rows = (e for e in self.events if e["event"] == "decision" and e["verdict"] == "adopted")
        return Counter(e["objective"] for e in rows)

    def seen(self, event: str, field: str) -> set[str]:
        """What a field said in all events of a kind."""
        return {e[field] for e in self.events if e["event"] == event}


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


def live(
    folder: Path, make: Callable[[Path], object], minutes: float, enough: Callable[[Lived], bool], *more: object
) -> Lived:  # fmt: skip
    """Make a program and let it live, unless its record is there already.

    A process that comes while another makes it waits for that one. A life in which too little happened to be looked
    at, as on a slow or busy machine, is made again with twice the time, up to three minutes.
    """
    record = folder.with_name(folder.name + ".events")
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if record.exists():
            return lived(folder, record.read_text())
        while True:
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            words = ("run", "--minutes", minutes, "--seed", SEED, "--json", "--at", folder, *more)
            done = selfproof(*words, timeout=120 * minutes + 120)
            assert done.code == 0, f"exit {done.code}: {done.err}\n{done.out[-2000:]}"
            found = lived(folder, done.out)
            minutes *= 2
            if enough(found) or minutes > 3:
                record.write_text(done.out)
                return found


def lived(folder: Path, text: str) -> Lived:
    return Lived(folder, [json.loads(line) for line in text.splitlines()])


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's lives are made; ``SELFPROOF_TEST_LIVES`` keeps them, for work on the tests alone."""
    kept, base = os.environ.get("SELFPROOF_TEST_LIVES"), tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # that of the session; each of its processes has one of its own below
    folder = Path(kept) if kept else base / "lives"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def life(shelf: Path) -> Lived:
    every_control = {"fake_gain", "planted_gain", "aa"}
    return live(
        shelf / "memory", without_operations, 0.6,
        lambda it: it.adopted["memory"] >= 2 and it.seen("control", "name") == every_control,
    )  # fmt: skip


@pytest.fixture(scope="session")
def early(shelf: Path) -> Lived:
    """A life that ended with its first certificate: much that is better was not found yet."""
    return live(
        shelf / "early", without_operations, 0.5, lambda it: it.adopted["memory"] >= 1, "--until-certified", 1
    )  # fmt: skip


@pytest.fixture(scope="session")
def apprentice(shelf: Path) -> Lived:
    return live(
        shelf / "apprentice", lambda folder: None, 1.5,
        lambda it: it.adopted["memory"] >= 2 and "operations" in it.seen("confirm", "objective"),
        "--until-certified", 5,
    )  # fmt: skip


@pytest.fixture(scope="session")
def finite_life(shelf: Path) -> Lived:
    """A few seconds of the hand-made program whose samples are finite; its hold-out serves one confirmation."""
    return live(
        shelf / "finite", lambda folder: made(folder, lifetime=1), 0.12,
        lambda it: len(it.adopted) == 2 and bool(it.seen("retired", "objective")),
    )  # fmt: skip


@pytest.fixture
def unborn(tmp_path: Path) -> Callable[[str], Path]:
    """Makes folders with a charter, tasks and a program, and the memory as the only objective."""
    return lambda name="unborn": without_operations(tmp_path / name)


@pytest.fixture
def copied(life: Lived, tmp_path: Path) -> Path:
    """A copy of ``life``, to change."""
    return Path(shutil.copytree(life.folder, tmp_path / "copy"))
