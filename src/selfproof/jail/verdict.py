"""What came of a job: the conversation with a child, and what the kernel says of its end, as one outcome.

Does not protect against:
- a program that answers wrongly on purpose, or, in screening, makes those after it answer wrongly.
- with subprocesses granted: whoever kills a program from outside charges it, as it could have done so itself.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from selfproof.jail import values
from selfproof.jail.limits import Heard, Job, Outcome, Status, Stopped
from selfproof.jail.protocol import Conversation

_MESSAGE_MAX: Final = 300
_LARGE: Final = 0.25  # share of its memory from which on a program that was killed may have been killed for it
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.DOTALL)


@dataclass(frozen=True)
class Ended:
    """What the fork-server reports of a child that is gone; `killed`: it had not gone by itself."""

    status: int
    cpu_seconds: float
    max_rss_mb: float
    stragglers: int
    killed: bool

    @property
    def signal(self) -> int:
        """The signal that ended it by the kernel's or its own doing, 0 for none."""
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) and not self.killed else 0


def converse(talk: Conversation, program: bytes, job: Job, spent: Callable[[], float]) -> Heard:
    """Hand over a program and its inputs. Never raises for what the child does.

    `spent` tells, for a timed job, the child's processor seconds so far: read where the child waits for the engine.
    """
    heard = Heard()
    try:
        heard.load_seconds = talk.start(program)
        before = spent() if job.timed else 0.0
        for position in range(len(job.inputs)):
            output, seconds = _answer(talk, job, position)
            if job.timed:
                before, earlier = spent(), before
                heard.cpu.append(before - earlier)
            heard.outputs.append(output)
            heard.seconds.append(seconds)
            if job.go_on is not None and not job.go_on(position, output):
                break
        if job.screening:
            heard.log = talk.pause()
        else:
            talk.finish()
    except Stopped as stop:
        heard.status, heard.message = stop.status, stop.message
    return heard


def _answer(talk: Conversation, job: Job, position: int) -> tuple[bytes, float]:
    """The answer to one input, or what the exchange that it opens came to; the seconds of all its answers."""
    output, seconds = talk.ask(job.inputs[position], keep=job.screening)
    reply = job.exchange(position) if job.exchange else None
    while reply is not None:
        over, data = reply(output)
        if over:
            return data, seconds
        output, took = talk.go_on(data)
        seconds += took
    return output, seconds


def judge(heard: Heard, ended: Ended | None, job: Job, tier: str, layers: tuple[str, ...]) -> Outcome:
    """The outcome of a job whose child is gone (`ended`; None if its end was not reported)."""
    heard.status, heard.message = _checked(heard, *_combined(heard, ended, job))
    cpu, peak = (ended.cpu_seconds, ended.max_rss_mb) if ended else (0.0, 0.0)
    return _outcome(heard, cpu, peak, tier, layers)


def judge_screened(heard: Heard, tier: str, layers: tuple[str, ...]) -> Outcome | None:
    """The outcome of a job whose child lives on; None if anything about it was wrong."""
    if heard.status == "ok":  # kept where it is found: what is no value is left out, so that nobody would find it again
        heard.status, heard.message = _checked(heard, "ok", None)
    if heard.status != "ok":
        return None
    return _outcome(heard, sum(heard.seconds), 0.0, tier, layers)


def _outcome(heard: Heard, cpu: float, peak: float, tier: str, layers: tuple[str, ...]) -> Outcome:
    return Outcome(
        heard.status, tuple(heard.outputs), heard.message, tuple(heard.seconds), cpu, peak, printable(heard.log),
        tier, layers, cpu=tuple(heard.cpu), load_seconds=heard.load_seconds,
    )  # fmt: skip


def _checked(heard: Heard, status: Status, message: str | None) -> tuple[Status, str | None]:
    """Refuse outputs that are not values, and leave out the first such and all after it."""
    for position, output in enumerate(heard.outputs):
        try:
            values.decode(output)
        except values.ValueInvalid as error:
            del heard.outputs[position:], heard.seconds[position:], heard.cpu[position:]
            return "invalid_output", f"output {position}: {error}"
    return status, message


def _combined(heard: Heard, ended: Ended | None, job: Job) -> tuple[Status, str | None]:
    status, message = heard.status, heard.message
    if ended is None:
        return "jail_failed", "the fork-server did not answer"
    by_itself = job.limits.grants.subprocesses  # then it may send signals, to itself too
    if os.WIFSTOPPED(ended.status) and not by_itself:
        return "jail_failed", "the program was stopped from outside"
    if status == "ok" and ended.signal not in (0, signal.SIGKILL):
        return "crashed", f"the program answered and then crashed (signal {ended.signal})"
    if status == "crashed":
        used_up = ended.signal == signal.SIGKILL and ended.cpu_seconds > 0.75 * job.limits.cpu_s
        if ended.signal == signal.SIGXCPU or used_up:
            return "timeout", f"used up its {job.limits.cpu_s} s of processor time"
        if ended.signal == signal.SIGKILL and not by_itself:
            if ended.max_rss_mb > _LARGE * job.limits.memory_mb:
                return "oom", "the system ended it, most likely for lack of memory"
            return "jail_failed", "it was killed from outside"
        if ended.signal:
            return "crashed", f"{message} (signal {ended.signal})"
        if ended.killed:
            return "protocol_error", "the program closed its output before it had answered"
        return "crashed", f"{message} (exit code {os.waitstatus_to_exitcode(ended.status)})"
    return status, None if message is None else clean(message)[:_MESSAGE_MAX]


def printable(log: bytes) -> str:
    """What a program printed, safe to show."""
    return clean(log.decode(errors="replace"))


def clean(text: str) -> str:
    """Remove escape sequences and everything unprintable, so that text can be shown in any terminal."""
    return "".join(c for c in _ESCAPES.sub("", text) if c.isprintable() or c in "\n\t")
