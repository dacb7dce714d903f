"""The three pipes between the engine and one child: to it, from it, and what it prints.

Does not protect against:
- what comes out of them: `protocol` does.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

_BYTES: Final = 1 << 20  # what one write can hand over; the kernel's ceiling for ordinary users
_F_SETPIPE_SZ: Final = 1031


def made() -> tuple[tuple[int, int, int], list[int]]:
    """Make them; return our ends (to child, from child, log), not blocking, and theirs. Raises OSError, losing none."""
    pairs: list[tuple[int, int]] = []
    with contextlib.ExitStack() as undo:
        for _ in range(3):
            pairs.append(os.pipe2(os.O_CLOEXEC))
            for descriptor in pairs[-1]:
                undo.callback(os.close, descriptor)
        undo.pop_all()
    import fcntl  # not on every system that can import this module

    inward, outward, log = pairs
    for pipe in (inward, outward):
        with contextlib.suppress(OSError):  # over the user's share of pipe memory: smaller pipes only cost time
            fcntl.fcntl(pipe[0], _F_SETPIPE_SZ, _BYTES)
    ours = (inward[1], outward[0], log[0])
    for descriptor in ours:
        os.set_blocking(descriptor, False)
    return ours, [inward[0], outward[1], log[1]]
