"""The process that runs one candidate, or for screening one after the other: lock in, say READY, answer, end.

What is relied on (limits, filter, parent) is in place before READY. What comes after it (`answering`) may be under
the program's control, which can write any byte to its pipes.

Does not protect against:
- a program that changes what answers in its own process: it can only change its own answers with that.
"""

from __future__ import annotations

import fcntl
import os
import resource
from dataclasses import dataclass
from typing import NoReturn

from selfproof.grants import BROKER_PORT, SCRATCH, Grants
from selfproof.jail import answering, frames, kernel

_IN, _OUT, _FIRST_UNUSED = 3, 4, 5
_THREADS_MAX, _PROCESSES_MAX = 24, 64  # the second where subprocesses are granted, threads included


@dataclass(frozen=True)
class Rules:
    """How the engine wants its children: whether their uid is theirs alone, what is left out, what is granted."""

    own_uid: bool
    without: frozenset[str]
    grants: Grants


def main(server: int, pipes: list[int], limits: tuple[int, int], rules: Rules) -> NoReturn:
    """Become the candidate. `pipes`: input, output, log; `limits`: processor seconds, bytes of memory."""
    code = 1
    try:
        kernel.die_with_parent()
        if os.getppid() == server:
            _arrange(pipes)
            _settle(rules.grants)
            if "rlimits" not in rules.without:
                _set_limits(*limits, rules)
            if "seccomp" not in rules.without:
                kernel.seccomp_restrict(rules.grants)
            frames.send(_OUT, frames.READY)
            code = answering.serve(_IN, _OUT)
    finally:
        # Not sys.exit: neither what the program registered nor the fork-server's own clean-up may run here.
        os._exit(code)


def _arrange(pipes: list[int]) -> None:
    high = [fcntl.fcntl(pipe, fcntl.F_DUPFD, 64) for pipe in pipes]
    for target, source in ((_IN, high[0]), (_OUT, high[1]), (1, high[2]), (2, high[2])):
        os.dup2(source, target)
    os.closerange(_FIRST_UNUSED, 256)


def _settle(grants: Grants) -> None:
    """Say in the usual words where to write, and by which way to reach the network."""
    if grants.scratch_mb:
        os.chdir(SCRATCH)
        os.environ |= {"HOME": SCRATCH, "TMPDIR": SCRATCH}
    if grants.network:
        os.environ |= dict.fromkeys(("https_proxy", "HTTPS_PROXY"), f"http://127.0.0.1:{BROKER_PORT}")


def _set_limits(cpu_s: int, memory: int, rules: Rules) -> None:
    ceilings = {
        resource.RLIMIT_AS: resource.RLIM_INFINITY if rules.grants.gpu else memory,  # a driver maps all of its own
        resource.RLIMIT_CPU: cpu_s + 1,  # SIGKILL; the soft limit below, SIGXCPU, says why but can be ignored
        resource.RLIMIT_FSIZE: rules.grants.scratch_mb << 20,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if rules.own_uid:  # a uid shared with the person's own processes would count those too
        ceilings[resource.RLIMIT_NPROC] = _PROCESSES_MAX if rules.grants.subprocesses else _THREADS_MAX
    for which, wanted in ceilings.items():
        hard = resource.getrlimit(which)[1]
        ceiling = hard if wanted == resource.RLIM_INFINITY else wanted
        ceiling = wanted if hard == resource.RLIM_INFINITY else min(ceiling, hard)
        resource.setrlimit(which, (ceiling, ceiling))
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (min(cpu_s, hard), hard))
