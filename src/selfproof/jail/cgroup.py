"""A control group per worker: one ceiling for the memory and the number of everything in it together.

Resource limits count by process; only this counts files in memory and several processes as one. Version 1 and
version 2 of the interface, wherever this process may make groups below its own. Sources: Linux kernel
documentation, cgroup-v1/memory, cgroup-v1/pids, cgroup-v2.

Does not protect against:
- memory that a kernel accounts to nobody.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from pathlib import Path
from typing import Final

from selfproof.jail.groups import PREFIX, CgroupMissing, own_groups, owner, sweep
from selfproof.jail.limits import DELEGATION

__all__ = ["Cgroup", "CgroupMissing", "own_groups"]

_PIDS: Final = 128
_SLACK: Final = 48 << 20  # bytes: page tables, the fork-server's own pages as they are copied
_GONE_S: Final = 1.0
_FILES: Final = {  # (memory ceiling, ceiling with swap, out-of-memory record)
    1: ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"),
    2: ("memory.max", "memory.swap.max", "memory.events"),
}
_numbers = itertools.count(1)


class Cgroup:
    """One group, version `version`, with a folder per hierarchy. Raises CgroupMissing."""

    def __init__(self, own: tuple[int, dict[str, Path]] | None = None) -> None:
        """Make it below this process's own groups."""
        self._folders: dict[str, Path] = {}
        self._limit, self._killed = 0, 0
        try:
            self.version, parents = own or own_groups()
            name = f"{PREFIX}{owner(os.getpid())}-{next(_numbers)}"
            self._folders = {controller: parent / name for controller, parent in parents.items()}
            for parent in set(parents.values()):
                sweep(parent)
                (parent / name).mkdir()
            self._write("pids", "pids.max", _PIDS)
            self.limit(1 << 30)
        except OSError as error:
            self.close()
            raise CgroupMissing(f"no control group can be made: {error}; {DELEGATION}") from None

    def admit(self, pid: int) -> None:
        """Move a process in; all that it starts from now on is born there. Raises OSError."""
        for controller in self._folders:
            self._write(controller, "cgroup.procs", pid)

    def holds(self, pid: int) -> bool:
        """Whether the kernel says that the process is in."""
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:  # it is hidden from this user, who could move it nevertheless
            return True
        inside = {line.rpartition("/")[2] for line in lines}
        return all(folder.name in inside for folder in self._folders.values())

    def limit(self, memory: int) -> None:
        """Set the ceiling in bytes for all memory of all processes in it. Raises OSError."""
        if memory == self._limit:
            return
        ceiling, swap, _ = _FILES[self.version]
        wanted = memory + _SLACK
        both = 0 if self.version == 2 else wanted  # version 1 counts memory and swap together
        for name, value in ((ceiling, wanted), (swap, both)):
            with contextlib.suppress(OSError):  # no account of swap here; or, wider than before, swap goes first
                self._write("memory", name, value)
        self._write("memory", ceiling, wanted)
        self._limit = memory

    def ran_short(self) -> bool:
        """Whether the kernel has ended a process in here for lack of memory since this was last asked."""
        text = (self._folders["memory"] / _FILES[self.version][2]).read_text()
        killed = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill "))
        before, self._killed = self._killed, killed
        return killed > before

    def close(self) -> None:
        """Remove it; what is still dying in it gets a second. Idempotent."""
        deadline = time.monotonic() + _GONE_S
        for folder in set(self._folders.values()):
            while folder.is_dir():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        break  # the next group that is made here sweeps it
                    time.sleep(0.005)

    def _write(self, controller: str, name: str, value: int) -> None:
        (self._folders[controller] / name).write_text(str(value))
