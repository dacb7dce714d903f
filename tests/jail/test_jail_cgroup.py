"""Control groups: found in both versions, enforced where they are real, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selfproof.jail import Pool, cgroup
from selfproof.jail import groups as groups_made
from selfproof.jail.cgroup import Cgroup, CgroupMissing

MOUNTS = {
    1: "30 1 0:1 {root} {at}/memory rw - cgroup cgroup rw,memory\n"
    "31 1 0:2 {root} {at}/pids rw shared:4 - cgroup c rw,pids\n",
    2: "30 1 0:1 {root} {at} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
}  # fmt: skip
OWN = {1: "5:memory:{path}\n4:cpu,pids:{path}\n0::/\n", 2: "0::{path}\n"}


def pretend(folder: Path, version: int, root: str, path: str) -> Path:
    """A /proc/self with these mounts, and the folders that they name."""
    proc = folder / "proc"
    proc.mkdir()
    (proc / "mountinfo").write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n" + MOUNTS[version].format(root=root, at=folder)
    )
    (proc / "cgroup").write_text(OWN[version].format(path=path))
    return proc


@pytest.mark.parametrize(
    ("root", "path", "below"), [("/", "/", ""), ("/", "/a/b", "a/b"), ("/docker/x", "/docker/x/y", "y")]
)
def test_version_one_has_a_folder_for_each(tmp_path: Path, root: str, path: str, below: str) -> None:
    found = cgroup.own_groups(pretend(tmp_path, 1, root, path))
    assert found == (1, {"memory": tmp_path / "memory" / below, "pids": tmp_path / "pids" / below})


def test_version_two_hands_its_controllers_on(tmp_path: Path) -> None:
    own = tmp_path / "user.slice" / "mine"
    own.mkdir(parents=True)
    control = own / "cgroup.subtree_control"
    control.write_text("cpu")
    proc = pretend(tmp_path, 2, "/", "/user.slice/mine")
    assert cgroup.own_groups(proc) == (2, {"memory": own, "pids": own})
    assert control.read_text() == "+memory +pids"
    control.unlink()
    control.mkdir()  # as where a process is in the group itself: it cannot be written
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids")
    assert cgroup.own_groups(proc) == (2, {"memory": own.parent, "pids": own.parent})
    (own.parent / "cgroup.subtree_control").write_text("cpu")
    with pytest.raises(CgroupMissing, match="systemd-run"):
        cgroup.own_groups(proc)


@pytest.mark.parametrize("lost", ["mountinfo", "cgroup", "subtree_control"])
def test_what_cannot_be_read_is_a_missing_group_and_nothing_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """As in a container, whose own group is the root of what it sees and cannot be written."""
    proc = pretend(tmp_path, 2, "/", "/")
    if lost != "subtree_control":
        (proc / lost).unlink()
    real = cgroup.own_groups
    monkeypatch.setattr(cgroup, "own_groups", lambda: real(proc))
    with pytest.raises(CgroupMissing):
        Cgroup()


def test_version_two_is_written_as_the_kernel_documents_it(tmp_path: Path) -> None:
    group = Cgroup((2, {"memory": tmp_path, "pids": tmp_path}))
    (folder,) = tmp_path.iterdir()
    group.limit(1 << 20)
    group.admit(77)
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert int(written["memory.max"]) > 1 << 20 and written["memory.swap.max"] == "0"
    assert 24 < int(written["pids.max"]) < 1000 and written["cgroup.procs"] == "77"
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 0\n")
    assert not group.ran_short()
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert group.ran_short() and not group.ran_short()


def test_where_there_are_none_it_says_how_to_get_them(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "mountinfo").write_text("1 0 8:1 / / rw - ext4 /dev/sda rw\n")
    (proc / "cgroup").write_text("0::/\n")
    with pytest.raises(CgroupMissing, match="run as root"):
        cgroup.own_groups(proc)
    with pytest.raises(CgroupMissing, match="no control group can be made"):
        Cgroup((2, {"memory": tmp_path / "nowhere", "pids": tmp_path / "nowhere"}))


@pytest.fixture
def real() -> tuple[int, dict[str, Path]]:
    try:
        Cgroup().close()
    except CgroupMissing as missing:
        pytest.skip(str(missing))
    return cgroup.own_groups()


def groups(parents: dict[str, Path], engine: int) -> set[Path]:
    """Those of one engine: others may be at work on the same machine."""
    return {path for parent in parents.values() for path in parent.glob(f"selfproof-{engine}.*")}


def test_memory_of_several_processes_is_one_sum(real: tuple[int, dict[str, Path]]) -> None:
    group = Cgroup()
    script = "import sys; sys.stdin.read(1); kept = b'x' * (60 << 20); print('kept', flush=True); sys.stdin.read()"
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    group.limit(100 << 20)
    for process in started:
        group.admit(process.pid)
        assert group.holds(process.pid) and process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()  # kept, or killed; one that had kept all may still be killed for the next
    for process in started:
        process.communicate()
    assert -signal.SIGKILL in [process.returncode for process in started] and group.ran_short()
    group.close()
    assert not group.holds(os.getpid())


def test_none_is_left_behind(real: tuple[int, dict[str, Path]]) -> None:
    before = groups(real[1], os.getpid())
    with Pool(2, require="confined") as pool:
        assert any(layer.startswith("cgroup:v") for layer in pool.layers)
        assert len(groups(real[1], os.getpid())) > len(before)
    assert groups(real[1], os.getpid()) == before


def test_those_of_a_killed_engine_are_swept_by_the_next(
    real: tuple[int, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "from selfproof.jail import Pool\npool = Pool(1, require='confined')\nprint('up', flush=True)\ninput()"
    engine = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert engine.stdout is not None and engine.stdout.readline() == b"up\n"
    theirs = groups(real[1], engine.pid)
    assert theirs
    engine.send_signal(signal.SIGKILL)
    engine.communicate()
    monkeypatch.setattr(groups_made, "_YOUNG_S", 0.0)
    deadline = time.monotonic() + 5
    while theirs & groups(real[1], engine.pid) and time.monotonic() < deadline:
        Cgroup().close()
        time.sleep(0.05)
    assert not theirs & groups(real[1], engine.pid)
