"""Kill -9, Ctrl-C, a full disk, a sealed folder: nothing certified is lost, and ``run`` goes on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfproof import session
from selfproof.archive.state import State, fold
from selfproof.archive.tree import tree_hash
from selfproof.audit import audit
from selfproof.ledger import read
from selfproof.oversight import stop


def state_of(folder: Path) -> State:
    return fold(read(folder / ".selfproof" / "ledger").leaves())


def counted(folder: Path) -> dict[str, list[int]]:
    """The k of every confirmation, by counter, in the ledger's order."""
    found: dict[str, list[int]] = {}
    for confirming in state_of(folder).confirmations.values():
        found.setdefault(confirming.counter, []).append(confirming.body["k"])
    return found


def program_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder / "program").as_posix(): p.read_text() for p in (folder / "program").rglob("*.py")}


def sound(folder: Path, before: State | None = None) -> State:
    """Everything that must hold when no engine runs and the last one ended in order.

    The newest confirmation may be open, as it goes on while others race; those that ``before`` left open are not.
    """
    result = audit(folder / ".selfproof" / "ledger")
    assert result["ok"], result
    state = state_of(folder)
    assert tree_hash(program_of(folder)) == state.now.tree
    git = subprocess.run(["git", "-C", folder / "program", "status", "--porcelain"], capture_output=True, check=True)
    assert git.stdout == b""
    subjects = subprocess.run(
        ["git", "-C", folder / "program", "log", "--reverse", "--format=%s"], capture_output=True, check=True, text=True
    ).stdout.splitlines()
    assert [line.partition(":")[0] for line in subjects] == [f"version {v.number}" for v in state.versions]
    assert not [p for p in folder.rglob("*") if p.name.endswith((".new", ".tmp", ".lock"))]
    for numbers in counted(folder).values():
        assert numbers == list(range(1, len(numbers) + 1)), "k was reset or skipped"
    left = [c.id for c in state.confirmations.values() if c.decision is None]
    assert left in ([], [max(state.confirmations, default=0)]), "a confirmation was left open"
    opened = [c.id for c in before.confirmations.values() if c.decision is None] if before is not None else []
    assert not set(opened) & set(left), "what was open did not go on"
    return state


def kill_at(cli: Any, folder: Path, seconds: float) -> None:
    """Start a run and kill it with nothing but its own pid, then wait for what it started."""
    process = cli.launch("run", "--minutes", "2", "--seed", "5", "--json", "--at", folder)
    try:
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGSTOP)  # so that nothing is started between looking and killing
        below = cli.descendants(process.pid)
        process.kill()
        assert cli.all_gone(below | {process.pid}, 1.0), "a process outlived the engine by more than a second"
    finally:
        cli.end(process)


def killed_again_and_again(cli: Any, folder: Path, times: int, seed: int) -> None:
    rng = random.Random(seed)
    adopted: list[str] = []
    spent: dict[str, int] = {}
    for _ in range(times):
        kill_at(cli, folder, rng.uniform(0.3, 6.0))
        if not (folder / ".selfproof").exists():
            continue  # killed before its birth: the next run makes it
        assert audit(folder / ".selfproof" / "ledger")["ok"]
        state = state_of(folder)
        trees = [version.tree for version in state.versions]
        assert trees[: len(adopted)] == adopted, "an adopted version is gone"
        assert all(state.counters.get(name, 0) >= k for name, k in spent.items()), "k went back"
        adopted, spent = trees, dict(state.counters)
    cli.until("status", folder, "--seed", "5")
    state = sound(folder)
    assert [version.tree for version in state.versions][: len(adopted)] == adopted
    assert cli.run("verify", "--at", folder).code == 0


@pytest.mark.slow
def test_kill_9_at_random_moments(cli: Any, unborn: Any) -> None:
    killed_again_and_again(cli, unborn(), times=2, seed=1)


@pytest.mark.slow
def test_kill_9_at_twenty_random_moments(cli: Any, unborn: Any) -> None:
    killed_again_and_again(cli, unborn(), times=20, seed=2)


@pytest.mark.parametrize(
    "event",
    ["confirm", pytest.param("verdict", marks=pytest.mark.slow), pytest.param("decision", marks=pytest.mark.slow)],
)
def test_kill_9_in_the_middle_of_a_confirmation(cli: Any, unborn: Any, event: str) -> None:
    """The same k goes on where it stood: pairs that were logged are not drawn again."""
    folder = unborn()
    process = cli.launch("run", "--minutes", "2", "--seed", "1", "--json", "--at", folder)
    try:
        for line in process.stdout:
            if f'"event": "{event}"' in line:
                break
    finally:
        cli.end(process)
    before = state_of(folder)
    done = cli.until("status", folder, "--seed", "1")
    after = sound(folder, before)
    first = next(iter(after.confirmations.values()))
    assert first.body["k"] == 1 and first.body == next(iter(before.confirmations.values())).body
    assert first.version == 1 and after.versions[1].candidate == first.body["candidate"]
    if event != "decision":
        assert [e["id"] for e in done.events if e["event"] == "resumed"] == [first.id]


@pytest.mark.slow
def test_a_confirmation_that_takes_far_longer_than_the_run_may_stays_open(
    cli: Any, unborn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, held = unborn(), []
    monkeypatch.setattr(stop, "GRACE_S", 0.0)
    for event in session.run(folder, 1.0, 1, on_stop=held.append):
        if event["event"] == "confirm":
            held[0].extend(0.0)
    assert (event["event"], event["ended"], event["open"]) == ("summary", "time", 1)
    (first,) = state_of(folder).confirmations.values()
    done = cli.until("status", folder, "--seed", "1")
    assert [e["id"] for e in done.events if e["event"] == "resumed"] == [first.id]
    assert next(iter(sound(folder).confirmations.values())).version == 1


CRASH = """
import os, signal, sys
from selfproof.adopt import repo
from selfproof.ledger import Ledger

def die_in(owner, name, fits):
    right = getattr(owner, name)
    def dying(*words, **options):
        if fits(words):
            os.kill(os.getpid(), signal.SIGKILL)
        return right(*words, **options)
    setattr(owner, name, dying)

{point}
from selfproof.cli import main
main(["run", "--minutes", "1", "--seed", "1", "--json", "--at", sys.argv[1]])
"""
POINTS = {
    "before the leaf": ("die_in(Ledger, 'append', lambda w: w[1] == 'adopt')", 0),
    "before the commit": ("die_in(repo, 'commit', lambda w: w[2].startswith('version 1:'))", 1),
    "in the commit": ("die_in(repo, '_git', lambda w: w[1] == 'commit' and 'version 1:' in w[-1])", 1),
    "before the effect": ("die_in(Ledger, 'append', lambda w: w[1] == 'canary')", 1),
}


@pytest.mark.parametrize(
    "where",
    [p if p == "before the commit" else pytest.param(p, marks=pytest.mark.slow) for p in POINTS],
)
def test_kill_9_inside_an_adoption(cli: Any, unborn: Any, where: str) -> None:
    """From its leaf on a change is adopted, before it is not; the next start finishes what is logged."""
    folder, (point, version) = unborn(), POINTS[where]
    script = [sys.executable, "-c", CRASH.format(point=point), str(folder)]
    assert subprocess.run(script, stdout=subprocess.DEVNULL, timeout=60, check=False).returncode == -signal.SIGKILL
    cut = state_of(folder)
    assert cut.current == version and audit(folder / ".selfproof" / "ledger")["ok"]
    done = cli.until("status", folder, "--seed", "1")
    after = sound(folder, cut)
    first = next(iter(after.confirmations.values()))
    assert first.version == 1 and after.versions[1].candidate == first.body["candidate"]
    finished = next(e for e in done.events if e["event"] == "start")["finished"]
    assert finished == ["finished writing version 1"] or where != "before the commit"


def test_ctrl_c_saves_everything_and_says_how_to_go_on(cli: Any, unborn: Any) -> None:
    folder = unborn()
    process = cli.launch("run", "--minutes", "2", "--seed", "3", "--json", "--at", folder)
    below: set[int] = set()
    try:
        for line in process.stdout:
            if '"event": "confirm"' in line:
                below = cli.descendants(process.pid)
                process.send_signal(signal.SIGINT)
                break
        _, err = process.communicate(timeout=30)
    finally:
        cli.end(process)
    assert process.returncode == 130 and f"selfproof run --at {folder}" in err and "Traceback" not in err
    assert cli.all_gone(below, 1.0)
    assert audit(folder / ".selfproof" / "ledger")["ok"]
    cli.until("status", folder, "--seed", "3")
    assert sound(folder).current >= 1


def test_the_stop_file_ends_a_run_within_seconds(cli: Any, unborn: Any) -> None:
    folder = unborn()
    process = cli.launch("run", "--minutes", "2", "--json", "--at", folder)
    try:
        for line in process.stdout:
            if '"event": "race"' in line:
                break
        assert cli.run("stop", "--at", folder).code == 0
        began = time.monotonic()
        out, err = process.communicate(timeout=60)
    finally:
        cli.end(process)
    assert time.monotonic() - began < 15, err
    if process.returncode == 0:  # else it was busy with a step that takes longer than a second: tests/oversight
        assert '"ended": "stop file"' in out.splitlines()[-1]
    else:
        assert process.returncode == -signal.SIGKILL and "was ended" in err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for little."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here (needs root and the right to mount)")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def test_a_full_disk(cli: Any, unborn: Any, small_disk: Path) -> None:
    folder = small_disk / "life"
    shutil.move(unborn(), folder)
    done = cli.run("run", "--minutes", "1", "--seed", "1", "--json", "--at", folder)
    assert done.code == 1, (done.code, done.err)
    assert "nearly full" in done.err and "Traceback" not in done.err and len(done.err.splitlines()) <= 3
    assert audit(folder / ".selfproof" / "ledger")["ok"]
    adopted = [version.tree for version in state_of(folder).versions]
    remount(small_disk, "size=200m")
    cli.until("status", folder, "--seed", "1")
    assert [version.tree for version in sound(folder).versions][: len(adopted)] == adopted


@pytest.mark.slow
def test_a_read_only_folder(cli: Any, life: Any, small_disk: Path) -> None:
    remount(small_disk, "size=200m")
    folder = Path(shutil.copytree(life.folder, small_disk / "life"))
    before = state_of(folder)
    remount(small_disk, "ro")
    for words in (["run", "--minutes", "0.05"], ["rollback", "v1"], ["stop"]):
        done = cli.run(*words, "--at", folder)
        assert done.code == 1 and "Traceback" not in done.err, (words, done.err)
        assert "ead-only" in done.err and 1 <= len(done.err.splitlines()) <= 3, (words, done.err)
    for words in (["status"], ["log"], ["verify"], ["diff"]):
        assert cli.run(*words, "--at", folder).code == 0, words
    remount(small_disk, "rw")
    cli.until("status", folder)
    assert [v.tree for v in sound(folder).versions][: len(before.versions)] == [v.tree for v in before.versions]


def test_a_new_program_in_a_folder_that_cannot_be_written(cli: Any, small_disk: Path) -> None:
    remount(small_disk, "ro")
    for words in (["init", str(small_disk / "new")], ["run", "--at", str(small_disk / "new")]):
        done = cli.run(*words)
        assert done.code == 1 and "Traceback" not in done.err and "ead-only" in done.err, done.err
