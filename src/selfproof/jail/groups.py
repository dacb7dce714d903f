"""Where this process may make control groups, and those that killed engines left behind.

Does not protect against: a kernel that takes a process into a group and does not hold it there; `Cgroup.holds` asks,
and the probes try the ceiling, so that nothing relies on what is found here.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final

from selfproof.jail.limits import DELEGATION

CONTROLLERS: Final = ("memory", "pids")
PREFIX: Final = "selfproof-"
_YOUNG_S: Final = 60.0


class CgroupMissing(Exception):
    """This process may not make control groups here; the message says how it could."""


def own_groups(proc: Path = Path("/proc/self")) -> tuple[int, dict[str, Path]]:
    """Return the version and, for "memory" and "pids", the folder below which this process may make groups.

    Raises CgroupMissing if there is none.
    """
    mounts: dict[str, tuple[str, Path]] = {}
    for line in (proc / "mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        root, place = left.split()[3:5]
        kind, _, options = right.split()[:3]
        wanted = {"cgroup": set(CONTROLLERS) & set(options.split(",")), "cgroup2": {""}}.get(kind, ())
        mounts |= dict.fromkeys(wanted, (root, Path(place)))
    paths: dict[str, str] = {}
    for line in (proc / "cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        paths |= dict.fromkeys(names.split(","), path)
    own = {}
    for name in mounts.keys() & paths.keys():
        top, folder = mounts[name]  # what is mounted may be a part of the hierarchy: a container's
        own[name] = folder / paths[name].removeprefix(top).lstrip("/")
    if set(CONTROLLERS) <= own.keys():
        return 1, {name: own[name] for name in CONTROLLERS}
    if "" in own:
        return 2, dict.fromkeys(CONTROLLERS, _delegated(own[""]))
    raise CgroupMissing(f"no control groups for memory and processes are mounted; {DELEGATION}")


def _delegated(own: Path) -> Path:
    """Where groups with both controllers may be made; below `own` only if no process, not even this, is in it."""
    try:
        if not {"memory", "pids"} <= set((own / "cgroup.subtree_control").read_text().split()):
            (own / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError:
        above = own.parent  # made for this process alone, as a delegated scope is: then its parent may be ours too
        with contextlib.suppress(OSError):  # there is none above
            if {"memory", "pids"} <= set((above / "cgroup.subtree_control").read_text().split()):
                return above
        raise CgroupMissing(f"{own} has no controllers to hand on; {DELEGATION}") from None
    return own


def owner(pid: int) -> str:
    """Name of a process that no later process can have."""
    return f"{pid}.{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"


def sweep(parent: Path) -> None:
    """Remove groups whose engine is gone: killed, it could not do so itself."""
    for folder in parent.glob(f"{PREFIX}*.*-*"):
        whose = folder.name.removeprefix(PREFIX).rpartition("-")[0]
        with contextlib.suppress(OSError):  # somebody else's, or still dying
            # One that was made just now is empty until its worker has started; its engine may be out of sight.
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue
            if not Path(f"/proc/{whose.partition('.')[0]}").exists() or owner(int(whose.partition(".")[0])) != whose:
                folder.rmdir()
