"""The engine's side of one fork-server: start it, run jobs in it one at a time, end it.

Use a worker from the one thread that started it: the kernel ends the worker when that thread ends.

Does not protect against:
- a program that slows its neighbours down: processor caches and memory bandwidth are shared.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from typing import Any, Final

from selfproof.jail import frames, values, view
from selfproof.jail.limits import Job, Outcome, Status
from selfproof.jail.protocol import Conversation, Stopped

_START_S: Final = 20.0
_ANSWER_S: Final = 2.0
_MESSAGE_MAX: Final = 300
_PIPE_BYTES: Final = 1 << 20  # what one write can hand over; the kernel's ceiling for ordinary users
_F_SETPIPE_SZ: Final = 1031
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
_LIMIT_SIGNALS: Final = (0, signal.SIGKILL, signal.SIGXCPU)
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.DOTALL)


class WorkerFailed(Exception):
    """A fork-server did not start, or did not lock itself in."""


@dataclass(frozen=True)
class _Ended:
    """What the fork-server reports of a child that is gone; `killed`: it had not gone by itself."""

    status: int
    cpu_seconds: float
    max_rss_mb: float
    stragglers: int
    killed: bool

    @property
    def signal(self) -> int:
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) and not self.killed else 0


class Worker:
    """A running fork-server. Raises WorkerFailed when it cannot be started."""

    def __init__(self, tier: str, command: list[str], uid: int | None, preload: list[str]) -> None:
        """Start it and wait until it has locked itself in; with a `uid` it changes to that first."""
        self.tier, self.uid, self.layers = tier, uid, ()
        self.served, self.suspect = 0, False
        self.landlock, self.netns = 0, False
        self._pidfd = -1
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                env=dict(view.ENVIRONMENT), cwd="/", start_new_session=True,
            )  # fmt: skip
        try:
            self._greet({"uid": uid, "own_uid": uid is not None or tier == "jail", "preload": preload})
        except BaseException:
            self.kill()
            raise

    layers: tuple[str, ...]

    def _greet(self, settings: dict[str, object]) -> None:
        readable, listable = view.visible()
        beacon = f"selfproof-{secrets.token_hex(8)}"
        assert self._process.stderr is not None
        with socket.socket(socket.AF_UNIX) as listener, self._process.stderr as complaints:
            listener.bind(f"\0{beacon}")
            listener.listen(1)
            settings |= {"readable": readable, "listable": listable, "beacon": beacon}
            self._control.settimeout(_START_S)
            try:
                self._control.send(json.dumps(settings).encode())
                report = self._first_report()
            except (OSError, ValueError) as error:
                self.interrupt()
                last = complaints.read().decode(errors="replace").strip().splitlines()[-1:]
                raise WorkerFailed(clean("".join(last)) or f"it ended or was silent: {error}") from None
        self.landlock, self.netns = int(report["landlock"]), bool(report["netns"])
        self._control.settimeout(_ANSWER_S)

    def _first_report(self) -> dict[str, Any]:
        """Receive the report and, from the kernel, the sender's pid: bubblewrap's own is not enough."""
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        room = socket.CMSG_SPACE(_CREDENTIALS.size)
        message, ancillary, _, _ = self._control.recvmsg(1 << 12, room)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        if not message:
            raise OSError("no report")
        self._pidfd = os.pidfd_open(_CREDENTIALS.unpack(ancillary[0][2])[0])
        report: dict[str, Any] = json.loads(message)
        return report

    def run(self, job: Job) -> Outcome:
        """Run one job in a fresh child; `suspect` afterwards asks for a new worker.

        Never raises for what a program does; raises ValueInvalid for a job that cannot be sent.
        """
        source = {"files": dict(job.files), "entry": job.entry, "mode": job.mode}
        program = values.encode(source | {"output_bytes": job.limits.output_bytes})
        room = frames.RUN.pack(job.limits.cpu_s, job.limits.memory_mb << 20)
        self.served += 1
        ours, theirs = _pipes()
        talk = Conversation(*ours, job.limits)
        outputs: list[bytes] = []
        seconds: list[float] = []
        try:
            self._begin(room, theirs)
            status, message = _converse(talk, program, job, (outputs, seconds))
            ended = self._end(soon=status in ("ok", "crashed"))
        finally:
            log = clean(talk.close().decode(errors="replace"))
        status, message = _verdict(status, message, ended, job)
        for position, output in enumerate(outputs):
            try:
                values.decode(output)
            except values.ValueInvalid as error:
                status, message = "invalid_output", f"output {position}: {error}"
                del outputs[position:], seconds[position:]
                break
        return Outcome(
            status, tuple(outputs), message, tuple(seconds), ended.cpu_seconds if ended else 0.0,
            ended.max_rss_mb if ended else 0.0, log, self.tier, self.layers,
        )  # fmt: skip

    def _begin(self, room: bytes, pipes: list[int]) -> None:
        try:
            socket.send_fds(self._control, [room], pipes)
        except OSError:  # the fork-server is gone, which the conversation will meet as the end of its pipe
            self.suspect = True
        finally:
            for pipe in pipes:
                os.close(pipe)

    def _end(self, *, soon: bool) -> _Ended | None:
        try:
            self._control.send(frames.END_SOON if soon else frames.END_NOW)
            status, user, system, peak_kib, stragglers, killed = frames.ENDED.unpack(self._control.recv(256))
        except (OSError, ValueError, struct.error):
            self.suspect = True
            return None
        ended = _Ended(status, user + system, peak_kib / 1024, stragglers, killed)
        self.suspect = self.suspect or stragglers > 0 or ended.signal not in _LIMIT_SIGNALS
        return ended

    def interrupt(self) -> None:
        """End the fork-server and all in it, from any thread; the job it runs comes to `jail_failed`."""
        with contextlib.suppress(OSError):  # not connected any more
            self._control.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):  # not started, gone, or not ours to kill: it ends with the socket
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._process.kill()

    def kill(self) -> None:
        """End the fork-server and let go of it. Idempotent; for the thread that uses the worker."""
        self.interrupt()
        self._process.wait()
        with contextlib.suppress(OSError):  # closed before, or not gone in time: the kernel is still at it
            while self._control.recv(256):  # its end of the socket closes when the last of them is gone
                pass
        self._control.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


def clean(text: str) -> str:
    """Remove escape sequences and everything unprintable, so that text can be shown in any terminal."""
    return "".join(c for c in _ESCAPES.sub("", text) if c.isprintable() or c in "\n\t")


def _pipes() -> tuple[tuple[int, int, int], list[int]]:
    """Make the three pipes; return our ends (to child, from child, log), not blocking, and theirs."""
    inward, outward, log = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
    import fcntl  # not on every system that can import this module

    for pipe in (inward, outward):
        with contextlib.suppress(OSError):  # over the user's share of pipe memory: smaller pipes only cost time
            fcntl.fcntl(pipe[0], _F_SETPIPE_SZ, _PIPE_BYTES)
    ours = (inward[1], outward[0], log[0])
    for descriptor in ours:
        os.set_blocking(descriptor, False)
    return ours, [inward[0], outward[1], log[1]]


def _converse(
    talk: Conversation, program: bytes, job: Job, into: tuple[list[bytes], list[float]]
) -> tuple[Status, str | None]:
    try:
        talk.start(program)
        for position, data in enumerate(job.inputs):
            output, seconds = talk.ask(data)
            into[0].append(output)
            into[1].append(seconds)
            if job.go_on is not None and not job.go_on(position, output):
                break
        talk.finish()
    except Stopped as stop:
        return stop.status, stop.message
    return "ok", None


def _verdict(status: Status, message: str | None, ended: _Ended | None, job: Job) -> tuple[Status, str | None]:
    """Combine what the conversation showed with how the child ended."""
    if ended is None and status != "timeout":
        return "jail_failed", "the fork-server did not answer"
    if status == "crashed" and ended is not None:
        used_up = ended.signal == signal.SIGKILL and ended.cpu_seconds > 0.75 * job.limits.cpu_s
        if ended.signal == signal.SIGXCPU or used_up:
            return "timeout", f"used up its {job.limits.cpu_s} s of processor time"
        if ended.signal == signal.SIGKILL:
            return "oom", "the system ended it, most likely for lack of memory"
        if ended.signal:
            return "crashed", f"{message} (signal {ended.signal})"
        if ended.killed:
            return "protocol_error", "the program closed its output before it had answered"
        return "crashed", f"{message} (exit code {os.waitstatus_to_exitcode(ended.status)})"
    return status, None if message is None else clean(message)[:_MESSAGE_MAX]
