"""What the kernel says of processes, read from outside: who is below whom, how they are, what they hold."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


@dataclass(frozen=True)
class State:
    """What an attack could change of a process that is none of its business."""

    stopped: bool
    nice: int
    affinity: frozenset[int]
    limits: str


def state_of(pid: int) -> State | None:
    """How a process is; None when it is gone, or a zombie."""
    try:
        fields = _fields(pid)
        if fields[0] in "ZX":
            return None
        limits = Path(f"/proc/{pid}/limits").read_text()
        return State(fields[0] in "Tt", int(fields[16]), frozenset(os.sched_getaffinity(pid)), limits)
    except _GONE:
        return None


def descendants(ancestor: int) -> dict[int, int]:
    """Living processes below one, at any depth, and the parent of each."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(*_GONE):
            fields = _fields(int(folder.name))
            if fields[0] not in "ZX":
                parents[int(folder.name)] = int(fields[1])
    found: dict[int, int] = {}
    while new := {p: q for p, q in parents.items() if (q in found or q == ancestor) and p not in found}:
        found |= new
    return found


def named(prefix: str) -> set[int]:
    """Living processes whose name begins like this."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(*_GONE):
            if (folder / "comm").read_text().startswith(prefix) and _fields(int(folder.name))[0] not in "ZX":
                found.add(int(folder.name))
    return found


def peak_mb(pid: int) -> float:
    """The most memory that a process has held resident, in MiB, since `forget_peak`; 0 when it is gone."""
    with suppress(*_GONE):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def forget_peak(pid: int) -> None:
    """Start counting the peak anew."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def descriptors(pid: int) -> int:
    """How many descriptors a process holds; -1 when it is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
    except OSError:
        return -1


def kill(pids: set[int]) -> None:
    """End processes, stopped ones too."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
