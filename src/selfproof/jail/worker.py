"""The engine's side of one fork-server: start it, run jobs in it one at a time, end it.

Use a worker from the one thread that started it: the kernel ends the worker when that thread ends.

Does not protect against:
- a program that slows its neighbours down: processor caches and memory bandwidth are shared.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from selfproof.grants import NOTHING
from selfproof.jail import frames, pipes, values, view
from selfproof.jail.broker import Broker
from selfproof.jail.cgroup import Cgroup
from selfproof.jail.limits import Job, Limits, Outcome, Setting, Stopped
from selfproof.jail.protocol import Conversation
from selfproof.jail.verdict import Ended, clean, converse, judge, judge_screened

_START_S: Final = 20.0
_ANSWER_S: Final = 2.0
_KEPT_MOST: Final = 200  # programs in one process, for screening
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
_LIMIT_SIGNALS: Final = (0, signal.SIGKILL, signal.SIGXCPU)


class WorkerFailed(Exception):
    """A fork-server did not start, or did not lock itself in."""


Born = Callable[["Worker"], object]


def unwatched(worker: Worker) -> None:
    """Nobody needs to know of a worker before it is ready."""


@dataclass
class _Kept:
    """A child that goes on answering, program after program: for screening."""

    talk: Conversation
    limits: Limits
    served: int = 1


class Worker:
    """A running fork-server. Raises WorkerFailed or OSError when it cannot be started."""

    def __init__(
        self, setting: Setting, preload: list[str], cgroup: Cgroup | None = None, born: Born = unwatched
    ) -> None:
        """Start it, tell `born`, wait until it has locked itself in; it owns the `cgroup` from now on."""
        self.tier, self.uid, self.grants = setting.tier, setting.uid, setting.grants
        self.layers: tuple[str, ...] = ()
        self.served, self.suspect = 0, False
        self.landlock, self.netns, self.pid = 0, False, 0
        self._pidfd = -1
        self._kept: _Kept | None = None
        self._cgroup = cgroup
        self._broker: Broker | None = None
        with contextlib.ExitStack() as undo:
            if cgroup is not None:
                undo.callback(cgroup.close)
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(self._control.close)
            with theirs:
                self._process = subprocess.Popen(
                    setting.command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    env=dict(view.ENVIRONMENT), cwd="/", start_new_session=True,
                )  # fmt: skip
            undo.pop_all()
        try:
            born(self)
            own_uid = setting.uid is not None or setting.tier == "jail"
            self._greet({
                "uid": setting.uid, "own_uid": own_uid, "without": sorted(setting.without), "preload": preload,
                "grants": setting.grants.lines(), "rules": view.rules(setting.grants),
            })  # fmt: skip
            if cgroup is not None:
                cgroup.admit(self.pid)
        except BaseException:
            self.kill()
            raise

    def _greet(self, settings: dict[str, object]) -> None:
        beacon = f"selfproof-{secrets.token_hex(8)}"
        assert self._process.stderr is not None
        with self._process.stderr as complaints, socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"\0{beacon}")
            listener.listen(1)
            self._control.settimeout(_START_S)
            self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # before there is anything to receive
            try:
                self._control.send(json.dumps(settings | {"beacon": beacon}).encode())
                report = self._first_report()
            except (OSError, ValueError) as error:
                self.interrupt()
                last = complaints.read().decode(errors="replace").strip().splitlines()[-1:]
                raise WorkerFailed(clean("".join(last)) or f"it ended or was silent: {error}") from None
        self.landlock, self.netns = int(report["landlock"]), bool(report["netns"])
        self._control.settimeout(_ANSWER_S)

    def _first_report(self) -> dict[str, Any]:
        """Receive the report and, from the kernel, the sender's pid: the launcher's own is not enough."""
        room = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(struct.calcsize("i"))
        message, ancillary, _, _ = self._control.recvmsg(1 << 12, room)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        parts = {kind: data for _, kind, data in ancillary}
        if socket.SCM_RIGHTS in parts:
            listener = socket.socket(fileno=struct.unpack("i", parts[socket.SCM_RIGHTS])[0])
            self._broker = Broker(listener, self.grants.network)
        if not message:
            raise OSError("no report")
        self.pid = _CREDENTIALS.unpack(parts[socket.SCM_CREDENTIALS])[0]
        self._pidfd = os.pidfd_open(self.pid)
        report: dict[str, Any] = json.loads(message)
        return report

    def run(self, job: Job) -> Outcome:
        """Run one job in a fresh child, or for screening in one that may have run others.

        `suspect` afterwards asks for a new worker. Never raises for what a program does; raises ValueInvalid for a
        job that cannot be sent.
        """
        source = {"files": dict(job.files), "entry": job.entry, "mode": job.mode}
        program = values.encode(
            source | {"output_bytes": job.limits.output_bytes, "exchange": job.exchange is not None}
        )
        self.served += 1
        outcome = self._again(program, job)
        if outcome is None:
            self.rest()  # and whoever is to blame for trouble in there: this program gets a fresh process
            outcome = self._fresh(program, job)
        return outcome if self.grants == NOTHING else replace(outcome, granted=self.grants.lines())

    def _again(self, program: bytes, job: Job) -> Outcome | None:
        """Screen a job in the child that was kept; None if there is none for it, or anything was wrong."""
        kept = self._kept
        if kept is None or not job.screening or kept.limits != job.limits or kept.served >= _KEPT_MOST:
            return None
        kept.served += 1
        kept.talk.again(job.limits)
        return judge_screened(converse(kept.talk, program, job, self._spent), self.tier, self.layers)

    def _fresh(self, program: bytes, job: Job) -> Outcome:
        if self._cgroup is not None:
            self._cgroup.limit(job.limits.memory_mb << 20)
        ours, theirs = pipes.made()
        talk = Conversation(*ours, job.limits)
        share = _KEPT_MOST if job.screening else 1
        try:
            self._begin(frames.RUN.pack(job.limits.cpu_s * share, job.limits.memory_mb << 20), theirs)
            heard = converse(talk, program, job, self._spent)
            outcome = judge_screened(heard, self.tier, self.layers) if job.screening else None
            if outcome is not None:
                self._kept = _Kept(talk, job.limits)
                return outcome
            ended = self._end(soon=heard.status in ("ok", "crashed"))
        finally:
            log = b"" if self._kept else talk.close()
        heard.log = log
        outcome = judge(heard, ended, job, self.tier, self.layers)
        if self._broker is not None:
            self._broker.reset()
        # Asked after every job that could have lost a process and gone on, so that the next one is not blamed.
        asked = outcome.status != "ok" or self.grants != NOTHING
        short = asked and self._cgroup is not None and self._cgroup.ran_short()
        if short and outcome.status in ("jail_failed", "crashed"):
            # Whomever the kernel chose, the fork-server perhaps: it was the program that needed too much.
            return replace(outcome, status="oom", message="over its memory, all its processes together")
        return outcome

    def rest(self) -> None:
        """End the child that was kept for screening, if there is one: it may be running on by itself."""
        kept, self._kept = self._kept, None
        if kept is not None:
            self._end(soon=False)
            kept.talk.close()

    def _begin(self, room: bytes, pipes: list[int]) -> None:
        try:
            socket.send_fds(self._control, [room], pipes)
        except OSError:  # the fork-server is gone, which the conversation will meet as the end of its pipe
            self.suspect = True
        finally:
            for pipe in pipes:
                os.close(pipe)

    def _spent(self) -> float:
        """Ask for the processor seconds of all the child's threads so far. Raises Stopped."""
        try:
            self._control.send(frames.CLOCK)
            return float(frames.SPENT.unpack(self._control.recv(256))[0])
        except (OSError, struct.error):
            raise Stopped("jail_failed", "the fork-server did not tell the time") from None

    def _end(self, *, soon: bool) -> Ended | None:
        try:
            self._control.send(frames.END_SOON if soon else frames.END_NOW)
            status, user, system, peak_kib, stragglers, killed = frames.ENDED.unpack(self._control.recv(256))
        except (OSError, ValueError, struct.error):
            self.suspect = True
            self.interrupt()  # its answer may still come, and would be taken for the next job's
            return None
        ended = Ended(status, user + system, peak_kib / 1024, stragglers, killed)
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
        if self._broker is not None:
            self._broker.close()
        if self._cgroup is not None:
            self._cgroup.close()
        self.rest()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
