"""The process that runs one candidate, or for screening one after the other: lock in, say READY, answer, end.

What is relied on (limits, filter, parent) is in place before READY. What comes after it (`answering`) may be under
the program's control, which can write any byte to its pipes.

Does not protect against:
- a program that changes what answers in its own process: it can only change its own answers with that.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from typing import NoReturn

from selfproof.grants import BROKER_PORT, SCRATCH, Grants
from selfproof.jail import answering, frames, kernel

NOWHERE, LOG, COMPLAINTS, IN, OUT, _FIRST_UNUSED, _ALL = 0, 1, 2, 3, 4, 5, 256  # descriptors
_THREADS_MAX, _PROCESSES_MAX = 24, 64  # the second where subprocesses are granted, threads included


@dataclass(frozen=True)
class Rules:
    """How the engine wants its children: whether their uid is theirs alone, what is left out, what is granted."""

    own_uid: bool
    without: frozenset[str]
    grants: Grants


def main(server: int, limits: tuple[int, int], rules: Rules) -> NoReturn:
    """Become the candidate; its pipes are where it needs them. `limits`: processor seconds, bytes of memory."""
    code = 1
    try:
        kernel.die_with_parent()
        if os.getppid() == server:
            os.closerange(_FIRST_UNUSED, _ALL)
            _settle(rules.grants)
            if "rlimits" not in rules.without:
                _limit(*limits, rules)
            if "seccomp" not in rules.without:
                kernel.seccomp_restrict(rules.grants)
            frames.send(OUT, frames.READY)
            code = answering.serve(IN, OUT)
    finally:
        # Not sys.exit: neither what the program registered nor the fork-server's own clean-up may run here.
        os._exit(code)


def _settle(grants: Grants) -> None:
    """Say in the usual words where to write, and by which way to reach the network."""
    if grants.scratch_mb:
        os.chdir(SCRATCH)
        os.environ |= {"HOME": SCRATCH, "TMPDIR": SCRATCH}
    if grants.network:
        os.environ |= dict.fromkeys(("https_proxy", "HTTPS_PROXY"), f"http://127.0.0.1:{BROKER_PORT}")


def limit_all(rules: Rules) -> None:
    """Set the limits that are the same for every child; set once, in the fork-server, they are inherited."""
    _lower(resource.RLIMIT_FSIZE, rules.grants.scratch_mb << 20)
    _lower(resource.RLIMIT_NOFILE, 64)
    for which in (resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
        _lower(which, 0)
    if rules.own_uid:  # a uid shared with the person's own processes would count those too
        _lower(resource.RLIMIT_NPROC, _PROCESSES_MAX if rules.grants.subprocesses else _THREADS_MAX)


def _limit(cpu_s: int, memory: int, rules: Rules) -> None:
    """Set the limits of this job, in processor seconds and bytes."""
    if not rules.grants.gpu:  # a driver maps all of its memory, and the control group counts what is used
        _lower(resource.RLIMIT_AS, memory)
    _lower(resource.RLIMIT_CPU, cpu_s + 1)  # SIGKILL; the soft limit, SIGXCPU, says why but can be ignored
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(cpu_s, hard), hard))


def _lower(which: int, wanted: int) -> None:
    hard = resource.getrlimit(which)[1]
    ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(which, (ceiling, ceiling))
