"""The process that runs one candidate, or for screening one after the other: lock in, read, answer, end.

Everything after the READY frame may be under the program's control: it can write any byte to its pipes, so
nothing here is relied on for honesty. What is relied on (limits, filter, parent) is in place before READY.

Does not protect against:
- a program that changes the code below in its own process: it can only change its own answers with that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import resource
import sys
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, NoReturn

from selfproof.grants import BROKER_PORT, SCRATCH, Grants
from selfproof.jail import frames, harness, kernel, values, values_reader
from selfproof.jail.memory_import import Program

_IN, _OUT, _FIRST_UNUSED = 3, 4, 5
_MESSAGE_MAX: Final = 2000
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
            code = _serve()
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


def _serve() -> int:
    try:
        tag, body = _answer_all()
    except MemoryError:
        tag, body = frames.OOM, b"out of memory"
    except values.ValueInvalid as error:
        tag, body = frames.INVALID, str(error).encode(errors="replace")
    except BaseException as error:  # noqa: BLE001  what it raises, SystemExit too, is its answer
        tag, body = frames.ERROR, _describe(error)
    with contextlib.suppress(Exception):  # the program may have replaced or closed its streams
        sys.stdout.flush()
        sys.stderr.flush()
    if tag:
        frames.send(_OUT, tag, body)
    return 0


@dataclass
class _Loaded:
    """A program that was read in, and how much it may still say."""

    program: Program
    function: harness.Function
    modules: dict[str, ModuleType]
    mode: harness.Mode
    limit: int
    room: int


def _answer_all() -> tuple[int, bytes]:
    """Answer inputs until there are no more; return the frame to end with, tag 0 for none."""
    loaded: _Loaded | None = None
    kept: list[memoryview] = []
    while (frame := frames.receive(_IN, shift=values_reader.FIRST_BLOB)) is not None:
        tag, body = frame
        if tag == frames.SOURCE:
            if loaded is not None:
                _unload(loaded)
            loaded = _load(values.decode_trusted(body))
            frames.send(_OUT, frames.LOADED)
            continue
        if loaded is None:
            return frames.ERROR, b"an input came before any program"
        if tag == frames.KEEP:
            kept.append(body)
        elif tag == frames.AGAIN:
            body = kept[frames.NUMBER.unpack(body)[0]]
        for data in frames.parted(body, shift=values_reader.FIRST_BLOB) if tag == frames.BATCH else (body,):
            result = loaded.mode(loaded.function, loaded.modules, values.decode_trusted(data))
            answer = values.encode(result)
            loaded.room -= len(answer)
            if loaded.room < 0:
                raise values.ValueInvalid(f"outputs are over the limit of {loaded.limit} bytes")
            frames.send(_OUT, frames.OUTPUT, answer)
    return 0, b""


def _load(source: Any) -> _Loaded:
    """Read a program in, with the random generators and NumPy's warnings as at the start."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
        numpy.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    if source["mode"] not in harness.MODES:
        raise ValueError(f"no mode {source['mode']!r}; there are {', '.join(harness.MODES)}")
    program = Program(source["files"])
    sys.meta_path.insert(0, program)
    function, modules = program.load(source["entry"])
    limit = source["output_bytes"]
    return _Loaded(program, function, modules, harness.MODES[source["mode"]], limit, limit)


def _unload(loaded: _Loaded) -> None:
    """Forget a program, as far as it lets itself be forgotten: it is for screening only."""
    sys.meta_path.remove(loaded.program)
    loaded.program.forget()
    sys.stdout.flush()
    sys.stderr.flush()


def _describe(error: BaseException) -> bytes:
    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_globals.get("__package__") == __package__:
            trace = trace.tb_next  # the program's own part is what a reader can use
        traceback.print_exception(error.with_traceback(trace), limit=-8)
        return f"{type(error).__name__}: {error}"[:_MESSAGE_MAX].encode(errors="replace")
    except BaseException:  # noqa: BLE001  an exception whose own text raises is still an error
        return type(error).__name__.encode(errors="replace")
