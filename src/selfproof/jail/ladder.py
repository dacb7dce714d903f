"""The ladder of tiers: take the strongest one that holds on this machine, by trying to break it.

A tier is a set of layers. A layer is reported only if a probe, run in a throwaway child of the worker itself, or
the kernel's own account found it to hold; a worker whose probe gets anywhere is ended. Below `confined` there is
only `none`, no layer at all, which nothing but its name selects.

Does not protect against:
- what the probe does not try; the attack suite (`selfproof sandbox check`) tries more, not at every start.
- anything whatever, in `none`.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from selfproof.grants import NOTHING, Grants
from selfproof.jail import kernel, launch, providers, values
from selfproof.jail.cgroup import Cgroup, CgroupMissing
from selfproof.jail.limits import ADVICE, LAYERS, JailUnavailable, Job, Limits, Setting
from selfproof.jail.providers import Isolated
from selfproof.jail.worker import Born, Worker, WorkerFailed, unwatched

_NAMESPACES: Final = {"pidns": "pid", "netns": "net", "mntns": "mnt", "ipcns": "ipc"}
_LEFT_OUT: Final = {
    "jail": frozenset(),
    "confined": frozenset({*_NAMESPACES, "reap"}),
    "none": frozenset(LAYERS),
}
TIERS: Final = tuple(_LEFT_OUT)  # strongest first
REQUIRE: Final = ("auto", *TIERS)
_TRUNCATION: Final = 3  # the version of Landlock that handles it
_OUTSIDE: Final = ("/etc/passwd", "/etc/shadow", "/proc/self/status", "/proc/version", __file__)
_UIDS_FROM: Final = 2_000_000_000  # above everything that systems hand out; in a container, the last that it has
_UIDS: Final = 4000
_next_uid = itertools.count(secrets.randbelow(_UIDS))


def climb(require: str, preload: Sequence[str], grants: Grants = NOTHING, born: Born = unwatched) -> Isolated:
    """Start a worker in the strongest tier that `require` allows and probing confirms.

    Raises JailUnavailable when there is none, ValueError for a `require` that is neither on the ladder nor the
    name of an installed provider.
    """
    if require not in REQUIRE:
        return providers.start(require, REQUIRE, preload, grants)
    if not kernel.supported():
        raise JailUnavailable("programs can only be isolated on Linux on x86_64", ADVICE["confined"])
    problems = []
    for tier in ("jail", "confined") if require == "auto" else (require,):
        try:
            return start(tier, preload, grants=grants, born=born)
        except (WorkerFailed, OSError) as error:
            problems.append(f"{tier}: {error}")
    weak = "granted" if grants.needs() else "jail" if require == "jail" else "confined"
    raise JailUnavailable("; ".join(problems), ADVICE[weak])


def start(
    tier: str, preload: Sequence[str], *, grants: Grants = NOTHING, without: frozenset[str] = frozenset(),
    launchers: Sequence[str] = launch.LAUNCHERS, born: Born = unwatched,
) -> Worker:  # fmt: skip
    """Start and probe one worker of one tier, by the first launcher that can. Raises WorkerFailed or OSError.

    `born` gets it as soon as it runs. `without` leaves layers out: for finding out what each is good for, never for
    running programs that matter.
    """
    without |= _LEFT_OUT[tier]
    for layer, reason in grants.needs().items():
        if layer in without:
            raise WorkerFailed(f"{', '.join(grants.lines())} cannot be granted here: {reason}")
    problems = []
    for launcher in ("",) if without >= _NAMESPACES.keys() else launchers:
        try:
            return _started(tier, launcher, preload, grants, without, born)
        except (WorkerFailed, launch.LauncherMissing, OSError) as error:
            problems.append(f"{launcher}: {error}" if launcher else str(error))
    raise WorkerFailed("; ".join(problems))


def _started(
    tier: str, launcher: str, preload: Sequence[str], grants: Grants, without: frozenset[str], born: Born
) -> Worker:
    uid = None if "uid" in without else _uid()
    nobody = uid is None and ("uid" not in without or os.geteuid() != 0)
    if nobody and tier == "confined" and os.geteuid() == 0:
        raise WorkerFailed("the engine is root and there is no other uid to run programs under")
    if nobody and tier == "confined" and kernel.landlock_abi() < _TRUNCATION:
        raise WorkerFailed("Landlock of this kernel lets programs cut off what this user owns; Linux 6.2 does not")
    command = tuple(launch.command(launcher, without, grants, nobody=nobody))
    cgroup = _cgroup(grants) if "cgroup" not in without else None
    worker = Worker(Setting(tier, command, uid, without, grants), list(preload), cgroup, born)
    try:
        if tier != "none":
            worker.layers = tuple(_verified(worker, without, cgroup))
    except BaseException:
        worker.kill()
        raise
    return worker


def _cgroup(grants: Grants) -> Cgroup | None:
    try:
        return Cgroup()
    except CgroupMissing as missing:
        if needed := grants.needs().get("cgroup"):
            raise WorkerFailed(f"{needed}; {missing}") from None
        return None


def _verified(worker: Worker, without: frozenset[str], cgroup: Cgroup | None) -> Iterator[str]:
    """Run the probe; yield the layers that held. Raises WorkerFailed when one that is promised did not."""
    found = _probe(worker)
    grants = worker.grants
    expected = ["socket"] * bool(grants.network) + ["fork", "kill"] * grants.subprocesses
    escapes = ["opened", "listed"] if "landlock" not in without else []
    escapes += ["socket", "fork", "kill", "unshare"] if "seccomp" not in without else []
    if escaped := [name for name in escapes if found[name] and name not in expected]:
        raise WorkerFailed(f"the probe got out: {', '.join(escaped)}")
    apart, nobody = _apart(worker.pid), worker.tier == "jail" and worker.uid is None and "uid" not in without
    holds = {
        "pidns": found["parent"] == 1,
        "netns": worker.netns,
        "mntns": not found["seen"],
        "ipcns": apart is None or "ipcns" in apart,
        "uid": found["uid"] == (launch.NOBODY if nobody else os.geteuid() if worker.uid is None else worker.uid),
        "seccomp": found["no_new_privs"] and found["seccomp"],
        "rlimits": found["limits"] == [grants.scratch_mb << 20, 64],
        "nondumpable": found["not_dumpable"],
        "cgroup": cgroup is None or cgroup.holds(worker.pid),
    }
    for layer, held in holds.items():
        if layer not in without and not held:
            raise WorkerFailed(f"{layer} is not in force")
    silent = {"ipcns"} if apart is None else set()
    details = {
        "uid": launch.NOBODY if nobody else worker.uid,
        "landlock": worker.landlock,
        "cgroup": f"v{cgroup.version}" if cgroup else None,
    }
    for layer in (*_NAMESPACES, "uid", "landlock", "seccomp", "rlimits", "nondumpable", "reap", "cgroup"):
        if layer not in without | silent and details.get(layer, True) is not None:
            yield f"{layer}:{details[layer]}" if layer in details else layer


def _apart(pid: int) -> set[str] | None:
    """The layers whose namespaces are not the engine's own; None if the kernel does not tell."""
    links = {
        layer: (Path("/proc/self/ns") / name, Path(f"/proc/{pid}/ns") / name) for layer, name in _NAMESPACES.items()
    }
    try:
        return {layer for layer, (ours, theirs) in links.items() if ours.readlink() != theirs.readlink()}
    except OSError:  # it is hidden from this user
        return None


def _probe(worker: Worker) -> dict[str, Any]:
    source = Path(__file__).with_name("probe.py").read_text(encoding="utf-8")
    granted = [Path(folder) for folder in worker.grants.data]
    paths = [path for path in _OUTSIDE if not any(folder in Path(path).parents for folder in granted)]
    limits = Limits(grants=worker.grants)
    outcome = worker.run(Job({"probe.py": source}, "probe.py:probe", [values.encode(paths)], limits=limits))
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
    first, top = max((first, first + count) for first, _, count in spans)
    top = min(top, _UIDS_FROM + _UIDS)
    return top - 1 - next(_next_uid) % _UIDS if top - first > 2 * _UIDS else None
