"""Stop, from outside: real runs in real jails, at their worst moments, with the harness of ``benchmarks/stopping.py``.

How long a stop takes is that benchmark's business (a bound of two seconds); here it is printed, and the bound is loose.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from finite_program import made
from selfproof.audit import audit
from selfproof.grants import Grants
from selfproof.jail import JailUnavailable, Pool
from selfproof.ledger import read
from selfproof.oversight import control, watcher
from selfproof.oversight.stop import Stop, order
from selfproof.places import Paths

LOOSE_S = 10.0


@pytest.fixture(scope="module")
def stopping() -> ModuleType:
    place = Path(__file__).resolve().parents[2] / "benchmarks" / "stopping.py"
    spec = importlib.util.spec_from_file_location("stopping", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stopping"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def held(stopping: ModuleType, kind: str, after: float, make: Callable[[Path, str], object]) -> None:
    try:
        row = stopping.tried(kind, after, make)
    except OSError as missing:
        pytest.skip(str(missing))
    print(f"{kind}: {row.seconds:.2f} s, {row.ended}")
    assert not row.wrong and row.seconds < LOOSE_S, row


@pytest.mark.parametrize(
    "kind",
    [
        "running",
        "adopting",
        "storm",
        pytest.param("signing", marks=pytest.mark.slow),
        pytest.param("frozen", marks=pytest.mark.slow),
        pytest.param("altered", marks=pytest.mark.slow),
        "agent",
        "full disk",
    ],
)
def test_a_stop_holds_whatever_goes_on(stopping: ModuleType, kind: str) -> None:
    """Everything is gone within seconds, the ledger verifies, and nothing goes on until somebody resumes it."""
    if kind == "storm":
        try:
            Pool(1, grants=Grants.parse(["subprocesses", "scratch:1"])).close()
        except JailUnavailable as missing:
            pytest.skip(f"a program may only fork where a control group can be made: {missing}")
    held(stopping, kind, 0.3, lambda at, _: made(at))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(50))
def test_a_stop_holds_at_any_moment(stopping: ModuleType, life: Any, number: int) -> None:
    rng = random.Random(number)
    kind = "running" if number % 2 else stopping.KINDS[1 + number // 2 % (len(stopping.KINDS) - 1)]
    bare = kind in stopping.BARE

    def make(at: Path, _: str) -> object:
        return made(at) if bare else shutil.copytree(life.folder, at)

    held(stopping, kind, rng.uniform(0, 8 if kind == "running" else 1), make)


def ledger_of(folder: Path) -> list[Any]:
    return list(read(folder / ".selfproof" / "ledger").leaves())


def test_a_run_whose_watcher_is_killed_ends_and_says_so(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    process = cli.launch("run", "--minutes", "2", "--json", "--at", folder)
    try:
        for line in process.stdout:
            if '"event": "race"' in line:
                break
        (mine,) = [pid for pid in cli.descendants(process.pid) if b"watcher.py" in command_of(pid)]
        os.kill(mine, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    finally:
        cli.end(process)
    assert process.returncode == 1 and "watcher ended" in err
    (halt,) = [leaf.body for leaf in ledger_of(folder) if leaf.kind == "halt"]
    assert (halt["by"], halt["latched"]) == ("its watcher ended", False)
    assert cli.run("status", "--json", "--at", folder).json["stopped"] is False


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_watcher_that_says_nothing_counts_as_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfproof.oversight.stop.SILENT_S", 3.0)
    (tmp_path / ".selfproof").mkdir()
    it = Stop(tmp_path / "STOP", 100)
    with it.watched(Paths(tmp_path), guest=True):
        assert it.reason is None
        (mine,) = [p for p in watcher.family(os.getpid(), {}) if str(tmp_path).encode() in command_of(p)]
        os.kill(mine, signal.SIGSTOP)
        began = time.monotonic()
        while it.reason is None and time.monotonic() - began < 30:
            time.sleep(0.1)
        assert it.reason == "its watcher ended" and it.urgent
    assert mine not in watcher.family(os.getpid(), {})


def test_what_an_engine_started_does_not_outlive_it(tmp_path: Path) -> None:
    """Killed by somebody else, it could not clear up: its watcher does."""
    script = """
import subprocess, sys, time
from pathlib import Path
from selfproof.oversight.stop import Stop
from selfproof.places import Paths
paths = Paths(Path(sys.argv[1]))
with Stop(paths.stop, 100).watched(paths, guest=False):
    stray = subprocess.Popen(["sh", "-c", "trap '' TERM HUP; sleep 500 & wait"], stdout=subprocess.DEVNULL,
                             start_new_session=True)
    print(stray.pid, flush=True)
    time.sleep(100)
"""
    (tmp_path / ".selfproof").mkdir()
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    stray = int(process.stdout.readline())
    known: watcher.Family = {}
    deadline = time.monotonic() + 20
    try:
        while len(known) < 3 and time.monotonic() < deadline:  # its watcher, sh and sleep
            known = watcher.family(process.pid, known)
        time.sleep(2 * watcher.SCAN_S)
        process.kill()
        process.wait()
        while watcher.family(process.pid, known) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert stray in known and not watcher.family(process.pid, known)
    finally:
        process.stdout.close()
        for pid in watcher.family(process.pid, known):
            os.kill(pid, signal.SIGKILL)


def test_an_order_is_kept_on_a_disk_that_takes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(tmp_path)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    order(paths, "me", "why")
    assert paths.stop.read_bytes() == b"" and Stop(paths.stop, 100).reason == "stop file"


def test_an_order_that_cannot_be_looked_for_counts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert watcher.ordered(str(tmp_path / "file" / "STOP"), str(tmp_path / "halts"))  # no folder: not "no such file"
    assert not watcher.ordered(str(tmp_path / "STOP"), str(tmp_path / "halts"))
    for target in ("nowhere", "/dev/zero"):
        (tmp_path / "STOP").symlink_to(target)
        assert watcher.ordered(str(tmp_path / "STOP"), str(tmp_path / "halts"))
        (tmp_path / "STOP").unlink()
    (tmp_path / "STOP").write_text("by hand")
    os.utime(tmp_path / "STOP", ns=(0, 1_234_567_891))
    assert watcher.ordered(str(tmp_path / "STOP"), str(tmp_path / "halts"))
    assert (tmp_path / "halts" / "seen").read_bytes() == b""
    assert (tmp_path / "halts" / "seen").stat().st_mtime_ns == (tmp_path / "STOP").stat().st_mtime_ns


def test_a_signal_reaches_an_engine_that_hangs_in_c(tmp_path: Path) -> None:
    """Python runs no handler there; the watcher is told by the one in C, and ends it after its time."""
    script = """
import itertools, sys
from pathlib import Path
from selfproof.oversight import stop, watcher
from selfproof.places import Paths
watcher_file = Path(sys.argv[1], "watcher.py")
watcher_file.write_text(Path(watcher.__file__).read_text().replace("SIGNALLED_S = 10.0", "SIGNALLED_S = 0.5"))
watcher.__file__ = str(watcher_file)
paths = Paths(Path(sys.argv[1]))
it = stop.Stop(paths.stop, 100)
with it.on_signals(), it.watched(paths, guest=False):
    print("up", flush=True)
    sum(itertools.repeat(0))
"""
    (tmp_path / ".selfproof").mkdir()
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    try:
        assert process.wait(timeout=30) == -signal.SIGKILL
    finally:
        process.kill()
        process.communicate()


def test_nothing_of_the_stop_is_the_programs_to_edit(stopping: ModuleType, tmp_path: Path) -> None:
    """Watcher and engine come from the installed package; a program with files of these names changes neither."""
    folder = made(tmp_path / "life")
    for name in ("watcher.py", "stop.py", "contextlib.py", "select.py", "signal.py", "sitecustomize.py"):
        for place in (folder, folder / "program"):
            (place / name).write_text("raise SystemExit('not stopped')\n")
    process = subprocess.Popen(
        [Path(sys.executable).with_name("selfproof"), "run", "--minutes", "2", "--json", "--at", ".."],
        cwd=folder / "program", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    seen, paths = stopping.Seen(process.pid), Paths(folder)
    try:
        stopping.busy(seen, folder, "running", tmp_path / "mark", 0.5)
        watching = [command_of(pid) for pid in seen.known if b"watcher.py" in command_of(pid)]
        assert watching and all(watcher.__file__.encode() in words for words in watching)
        order(paths, "me", "")
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
    until = time.monotonic() + 10
    while seen.left() and time.monotonic() < until:  # a signer ends when it hears that its engine did
        time.sleep(0.05)
    assert not seen.left() and audit(paths.ledger)["ok"]


def test_pause_holds_and_drain_ends_in_order(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    paths = Paths(folder)
    process = cli.launch("run", "--minutes", "0.6", "--json", "--at", folder)
    looks = 0
    try:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "status":
                looks += 1
                if looks == 1:
                    control.pause(paths, "me", "for a look")
            if event["event"] == "paused":
                assert event["by"] == "me" and control.engine(paths) == process.pid
                size = len(ledger_of(folder))
                time.sleep(1.0)
                assert len(ledger_of(folder)) == size, "it went on during the pause"
                assert cli.run("resume", "--json", "--at", folder).json["was_paused"] is True
            if event["event"] == "unpaused":
                control.drain(paths, "me")
        last = event
    finally:
        cli.end(process)
    assert process.returncode == 0 and last["event"] == "summary" and last["ended"] == "drained"
    kinds = {leaf.kind: leaf.body for leaf in ledger_of(folder)}
    assert kinds["pause"]["reason"] == "for a look" and kinds["resume"]["what"] == "pause"
    assert (kinds["halt"]["by"], kinds["halt"]["reason"], kinds["halt"]["latched"]) == ("me", "drained", False)
    assert audit(paths.ledger)["ok"]
