"""The ladder of tiers: take the strongest one that holds on this machine, by trying to break it.

A layer is reported only if a probe, run in a throwaway child of the worker itself, found it to hold; a worker
whose probe gets anywhere is ended. Below `confined` there is nothing: the engine refuses to run programs at
all.

Does not protect against:
- what the probe does not try; the attack suite in the tests tries more, once, not at every start.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from selfproof.jail import kernel, values, view
from selfproof.jail.limits import JailUnavailable, Job, Limits
from selfproof.jail.worker import Born, Worker, WorkerFailed, unwatched

REQUIRE: Final = ("auto", "jail", "confined")
_OUTSIDE: Final = ("/etc/passwd", "/etc/shadow", "/proc/self/status", __file__)
_UIDS_FROM: Final = 2_000_000_000  # above everything that systems hand out, containers included
_UIDS: Final = 4000
_next_uid = itertools.count(secrets.randbelow(_UIDS))
_ADVICE: Final = {
    "jail": "Install bubblewrap (Debian, Ubuntu: apt install bubblewrap) and allow user namespaces, or run "
    'as root; or accept the weaker tier with require = "confined".',
    "confined": "Use Linux 5.13 or newer on x86_64 with Landlock enabled (it is in the list in "
    "/sys/kernel/security/lsm); on other systems run the engine in such a virtual machine.",
}


def climb(require: str, preload: Sequence[str], born: Born = unwatched) -> Worker:
    """Start a worker in the strongest tier that `require` allows and probing confirms.

    Raises JailUnavailable when there is none, ValueError for a `require` that is not on the ladder.
    """
    if require not in REQUIRE:
        raise ValueError(f"require is {require!r}; choose one of {', '.join(REQUIRE)}")
    if not kernel.supported():
        raise JailUnavailable("programs can only be isolated on Linux on x86_64", _ADVICE["confined"])
    problems = []
    for tier in ("jail", "confined") if require == "auto" else (require,):
        try:
            return start(tier, preload, born)
        except (WorkerFailed, OSError) as error:
            problems.append(f"{tier}: {error}")
    raise JailUnavailable("; ".join(problems), _ADVICE["jail" if require == "jail" else "confined"])


def start(tier: str, preload: Sequence[str], born: Born = unwatched) -> Worker:
    """Start and probe one worker of one tier; `born` gets it as soon as it runs. Raises WorkerFailed or OSError."""
    uid = _uid()
    if tier == "confined" and uid is None and os.geteuid() == 0:
        raise WorkerFailed("the engine is root and there is no other uid to run programs under")
    if tier == "confined":
        command = view.python_command()
    elif (program := view.bubblewrap()) is None:
        raise WorkerFailed("bubblewrap is not installed")
    else:
        command = view.jailed_command(program, uid)
    worker = Worker(tier, command, uid, list(preload), born)
    try:
        worker.layers = tuple(_verified(worker))
    except BaseException:
        worker.kill()
        raise
    return worker


def _verified(worker: Worker) -> Iterator[str]:
    """Run the probe; yield the layers that held. Raises WorkerFailed when one that is promised did not."""
    found = _probe(worker, list(_OUTSIDE))
    escaped = [name for name in ("opened", "socket", "fork", "kill", "unshare") if found[name]]
    if escaped:
        raise WorkerFailed(f"the probe got out: {', '.join(escaped)}")
    if not (found["no_new_privs"] and found["seccomp"] and found["limits"] == [0, 64]):
        raise WorkerFailed("seccomp or resource limits are not in force")
    if worker.tier == "jail":
        if not (found["parent"] == 1 and worker.netns and not found["seen"]):
            raise WorkerFailed("the namespaces are not in force")
        yield from ("pidns", "netns", "mntns")
    if worker.uid is not None:
        if found["uid"] != worker.uid:
            raise WorkerFailed("the worker's own uid is not in force")
        yield f"uid:{worker.uid}"
    yield from (f"landlock:{worker.landlock}", "seccomp", "rlimits")


def _probe(worker: Worker, paths: list[str]) -> dict[str, Any]:
    source = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    job = Job({"probe.py": source}, "probe.py:probe", [values.encode(paths)], limits=Limits())
    outcome = worker.run(job)
    if outcome.status != "ok":
        raise WorkerFailed(f"the probe ended with {outcome.status}: {outcome.message}")
    found = values.decode(outcome.outputs[0])
    if not isinstance(found, dict):
        raise WorkerFailed("the probe gave no answer")
    return found


def _uid() -> int | None:
    """Draw a uid when the engine is root, so that no two workers can touch each other; else None."""
    if os.geteuid() != 0:
        return None
    spans = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    top = min(max(first + count for first, _, count in spans), _UIDS_FROM + _UIDS)
    return top - 1 - next(_next_uid) % _UIDS if top > 2 * _UIDS else None
