"""The nouns of the jail: what is run, within which limits, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from selfproof.grants import NOTHING, Grants

LAYERS: Final = (
    "pidns", "netns", "ipcns", "mntns", "uid", "landlock", "seccomp", "rlimits", "nondumpable", "reap", "cgroup",
)  # fmt: skip
Status = Literal["ok", "error", "timeout", "crashed", "oom", "invalid_output", "protocol_error", "jail_failed"]
Reply = Callable[[bytes], tuple[bool, bytes]]
Tier = str  # "jail", "confined", "none", or the name of a provider

ADVICE: Final = {
    "jail": "Allow user namespaces, or run as root; bubblewrap (Debian, Ubuntu: apt install bubblewrap) is the "
    'launcher that most machines trust; or accept the weaker tier with require = "confined".',
    "confined": "Use Linux 6.2 or newer (as root 5.13) on x86_64 with Landlock enabled (it is in the list in "
    "/sys/kernel/security/lsm); on other systems run the engine in such a virtual machine.",
    "granted": "Grant less (`allow` in the charter, or --allow), or run where the tier jail holds and control groups "
    "can be made; `selfproof sandbox check` says what is missing.",
}
DELEGATION: Final = (
    "run as root, or in a group that is delegated to you: systemd-run --user --scope -p Delegate=yes selfproof ..."
)


class JailUnavailable(Exception):
    """This machine cannot isolate a program as strongly as was asked for."""

    exit_code = 1

    def __init__(self, problem: str, advice: str) -> None:
        """Keep what is missing and what to do about it."""
        super().__init__(problem)
        self._advice = advice

    def advice(self) -> str:
        """Say what is missing and how to get it."""
        return self._advice


@dataclass(frozen=True)
class Limits:
    """Ceilings for one job, enforced by the kernel and the engine, never by the program.

    Raises ValueError for a limit that is not positive.
    """

    wall_s: float = 10.0  # seconds, one absolute deadline for the whole job
    cpu_s: int = 10  # seconds of processor time, whole job
    memory_mb: int = 1024  # MiB of address space, the interpreter and its libraries (about 200) included
    output_bytes: int = 16 << 20  # encoded outputs, all inputs together
    log_bytes: int = 64 << 10  # stdout and stderr that are kept; a program that prints more is left waiting
    grants: Grants = NOTHING  # what it may use beyond the bare minimum

    def __post_init__(self) -> None:
        """Refuse what could not mean anything."""
        for name in ("wall_s", "cpu_s", "memory_mb", "output_bytes", "log_bytes"):
            if not 0 < getattr(self, name) < 1 << 40:
                raise ValueError(f"limit {name} is {getattr(self, name)}; give a positive number")


@dataclass(frozen=True)
class Job:
    """One program and the inputs to run it on, in order, in one fresh process.

    With `screening` it may be a process that answered for other programs before, and one of them may have left it
    poisoned: many times faster, good for choosing what to look at again, never for what counts.

    `files` maps relative POSIX paths to sources ("a/b.py" becomes module a.b, in memory only); `entry` names file and
    function ("memory.py:predict"); each input is `values.encode(...)`, and the next one is sent only after the output
    before it is complete; `mode` is a key of `harness.MODES`. `go_on(position, output)` runs in the engine after each
    output and may end the job early (False): what came so far is the answer. It gets raw bytes and must not raise.
    With `timed` the kernel's count of the processor time of all threads is read before and after each answer.

    With `exchange` each input opens one: `exchange(position)` begins it (anew, if the job is run again) and gives what
    runs in the engine after each answer: from its raw bytes to (False, the next message to the same process) or
    (True, what the exchange came to), which takes the output's place. It must not raise. The one deadline covers the
    engine's part too; `output_bytes` is the room of the answer to one message.

    Raises ValueError for `timed` with subprocesses granted, whose time the count would leave out.
    """

    files: Mapping[str, str]
    entry: str
    inputs: Sequence[bytes]
    mode: str = "call"
    limits: Limits = Limits()
    go_on: Callable[[int, bytes], bool] | None = None
    screening: bool = False
    timed: bool = False
    exchange: Callable[[int], Reply] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be done at once."""
        if self.timed and self.limits.grants.subprocesses:
            raise ValueError("grant no subprocesses with `timed`")


@dataclass(frozen=True)
class Outcome:
    """What came back. Outputs are valid encoded values, one per input answered before the status was decided.

    `seconds` is measured by the engine's clock for each output (input frame sent until output frame complete; of an
    exchange all of them together); `load_seconds` by the same clock (program sent until loaded, 0 if it was not).
    `cpu`, only of a `timed` job, holds for each output the processor seconds of all the program's threads, from the
    output before until this one. `cpu_seconds` (the whole process) and `max_rss_mb` (MiB) come from the kernel, for
    screening from the engine's clock and as zero; `layers` are those that probing showed to hold, `granted`
    is what the program could use beyond nothing.
    """

    status: Status
    outputs: tuple[bytes, ...]
    message: str | None
    seconds: tuple[float, ...]
    cpu_seconds: float
    max_rss_mb: float
    log: str
    tier: str
    layers: tuple[str, ...]
    granted: tuple[str, ...] = ()
    cpu: tuple[float, ...] = ()
    load_seconds: float = 0.0


@dataclass(frozen=True)
class Setting:
    """How a worker is confined: its tier, the command that starts it, its uid, and what is left out or granted."""

    tier: str
    command: tuple[str, ...]
    uid: int | None = None
    without: frozenset[str] = frozenset()
    grants: Grants = NOTHING


class Stopped(Exception):
    """The conversation ended early, with the status that this gives the job."""

    def __init__(self, status: Status, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Heard:
    """What a child said, and how the conversation went."""

    status: Status = "ok"
    message: str | None = None
    outputs: list[bytes] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    load_seconds: float = 0.0
    log: bytes = b""


class Isolated(Protocol):
    """A worker: runs one job at a time, for one thread, until it is killed.

    `tier` is the provider's name, `layers` what it has verified, `grants` what its programs may use beyond nothing,
    `served` how many jobs it ran; `suspect` asks for another worker in its place.
    """

    tier: str
    layers: tuple[str, ...]
    grants: Grants
    served: int
    suspect: bool

    def run(self, job: Job) -> Outcome:
        """Run a job in a process that ran nothing else (screening may); never raise for what a program does.

        Answers are taken in order, bounded by the job's limits, and timed out here; trouble that is not the
        program's is the status `jail_failed`. Speed objectives need `cpu` in the outcome of a `timed` job.
        """

    def rest(self) -> None:
        """Nothing is asked for now: end what screened programs may have left running."""

    def interrupt(self) -> None:
        """End it and all in it, from any thread; the job it runs comes to `jail_failed`. Idempotent."""

    def kill(self) -> None:
        """End it, let go of all it held. Idempotent."""
