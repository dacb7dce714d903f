"""How busy the machine is while something is timed: its load, and whether this process was held back.

Recorded with every timed pair; it decides nothing, and tells a reader later what a noisy pair was due to.
"""

from __future__ import annotations

import os
from pathlib import Path

UNKNOWN = -1.0
_GROUPS = Path("/sys/fs/cgroup")


def load() -> float:
    """The load average of the last minute; UNKNOWN where the system does not tell."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return UNKNOWN


def throttled(root: Path = _GROUPS) -> float:
    """Seconds for which the kernel has held this process's control group back so far; UNKNOWN if it does not tell.

    Version 2 counts microseconds (``throttled_usec``), version 1 nanoseconds (``throttled_time``); see the kernel's
    documentation of control groups, "cpu.stat".
    """
    for place, key, unit in (("cpu.stat", "throttled_usec", 1e-6), ("cpu/cpu.stat", "throttled_time", 1e-9)):
        try:
            lines = (root / place).read_text("ascii").splitlines()
        except (OSError, ValueError):
            continue
        found = [line.split()[1] for line in lines if line.startswith(key + " ")]
        if found and found[0].isdecimal():
            return int(found[0]) * unit
    return UNKNOWN
