"""What the attack suite (`tests/attacks/`) has no evidence for outside: the filter's small print, and the protocol.

Here the program's own word counts, and the protocol is spoken to directly.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import selfproof.jail
from selfproof.jail import Outcome, values

Run = Callable[..., Outcome]

# One statement each, which raises OSError when it is stopped; x has paths outside.
REACHING_OUT = {
    "unix_datagram_pair": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "forkpty": "os.forkpty()",
    "vfork_flags": "syscall(56, 0x4111, 0, 0, 0, 0)",
    "spawn": "os.posix_spawn('/usr/bin/true', ['true'], {})",
    "kill_everyone": "os.kill(-1, 9)",
    "tgkill_self": "syscall(234, os.getpid(), os.getpid(), 10)",
    "proc_self": "open('/proc/self/status').read()",
    "proc_cmdline": "open('/proc/1/cmdline').read()",
    "passwd": "open('/etc/passwd').read()",
    "engine_source": "open(x['engine']).read()",
    "this_repository": "open(x['test']).read()",
    "list_root": "os.listdir('/')",
    "write_cwd": "open('left', 'w')",
    "own_filter": "syscall(317, 0, 0, 0)",
    "raise_limit": "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))",
    "terminal": "os.open('/dev/tty', os.O_RDWR)",
    "engine_descriptors": "descriptors_above(5)",
    "settime": "time.clock_settime(time.CLOCK_REALTIME, 0)",
}

WRAP = """
import ctypes, os, resource, socket, time
import numpy
def syscall(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    if libc.syscall(ctypes.c_long(number), *converted) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
def descriptors_above(first):
    for number in range(first, 64):
        try:
            os.fstat(number)
        except OSError:
            continue
        return
    raise OSError("none")
def f(x):
    try:
        {attack}
    except (OSError, ValueError) as error:  # ValueError is how resource.setrlimit says it
        return ["stopped", str(error)]
    return ["through", ""]
"""


@pytest.mark.parametrize("name", REACHING_OUT)
def test_reaching_out_is_stopped(run: Run, name: str) -> None:
    x = {"engine": selfproof.jail.__file__.replace("__init__", "pool"), "test": __file__}
    outcome = run(WRAP.format(attack=REACHING_OUT[name]), x)
    assert outcome.status == "ok", outcome
    (verdict, detail) = values.decode(outcome.outputs[0])  # type: ignore[misc]
    assert verdict == "stopped", (name, detail)


def test_nothing_of_the_engine_is_in_environment_or_arguments(run: Run) -> None:
    outcome = run("import os, sys\ndef f(x): return [sorted(os.environ), sys.argv, os.getcwd()]", None)
    names, argv, folder = values.decode(outcome.outputs[0])  # type: ignore[misc]
    assert {name for name in names if "THREADS" not in name} == {
        "HOME", "LC_ALL", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "PATH",
        "PYTHONHASHSEED", "PYTHONUTF8",
    } | ({"PWD"} & set(names))  # fmt: skip
    assert len(argv) == 1 and folder == "/"


def test_the_answers_in_the_documentation_are_not_there(run: Run) -> None:
    outcome = run("def f(x):\n    import pydoc_data.topics", None)
    assert outcome.status == "error"


def frame(tag: int, body: bytes = b"") -> bytes:
    return (len(body) + 1).to_bytes(4, "little") + bytes([tag]) + body


FORGED = {
    "noise": (b"x" * 50, "protocol_error"),
    "giant_frame": (b"\xff\xff\xff\xff\x12", "protocol_error"),
    "empty_frame": (b"\0\0\0\0\0", "protocol_error"),
    "ready_again": (frame(16), "protocol_error"),
    "loaded_again": (frame(17), "protocol_error"),
    "unknown_tag": (frame(99), "protocol_error"),
    "junk_output": (frame(18, b"junk"), "invalid_output"),
    "pickle_output": (frame(18, b"\x80\x04\x95."), "invalid_output"),
    "two_outputs": (frame(18, values.encode(1)) * 2, "protocol_error"),
    "error": (frame(19, b"\x1b[31mforged"), "error"),
    "oom": (frame(20), "oom"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_frames_are_only_data(run: Run, name: str) -> None:
    data, status = FORGED[name]
    outcome = run(f"import os\ndef f(x):\n    os.write(4, {data!r})\n    os._exit(0)", 1)
    assert outcome.status == status, outcome
    assert "\x1b" not in (outcome.message or "")


def test_a_forged_answer_is_an_answer_and_nothing_more(run: Run) -> None:
    data = frame(18, values.encode("forged"))
    outcome = run(f"import os\ndef f(x):\n    os.write(4, {data!r})\n    os._exit(0)", 1)
    assert outcome.status == "ok" and values.decode(outcome.outputs[0]) == "forged"


def test_writing_before_the_input_is_a_violation(run: Run) -> None:
    early = frame(18, values.encode(0))
    outcome = run(f"import os\nos.write(4, {early!r})\ndef f(x): return x", 1)
    assert outcome.status == "protocol_error" and outcome.outputs == ()
    source = (
        "import os, threading, time\n"
        f"def later():\n    time.sleep(0.1)\n    os.write(4, {early!r})\n"
        "threading.Thread(target=later).start()\n"
        "import selfproof.jail.frames as frames\n"
        "def f(x): return x\n"
        "def stall(*a, **k): time.sleep(60)\n"
        "frames.receive = stall\n"
    )
    much = b"x" * (8 << 20)  # more than a pipe holds: the engine is still writing when it comes
    outcome = run(source, much)
    assert outcome.status == "protocol_error" and "before its input" in (outcome.message or "")


def test_writing_after_the_last_answer_is_a_violation(run: Run) -> None:
    source = """
import os, sys
class Stream:
    def flush(self): os.write(4, b"more")
    def write(self, text): pass
def f(x):
    sys.stdout = Stream()
    return x
"""
    outcome = run(source, 1)
    assert outcome.status == "protocol_error" and "after its last" in (outcome.message or "")


def test_crashing_after_the_last_answer_is_crashing(run: Run) -> None:
    source = """
import ctypes, sys
class Stream:
    def flush(self): ctypes.string_at(8)
    def write(self, text): pass
def f(x):
    sys.stdout = Stream()
    return x
"""
    outcome = run(source, 1)
    assert outcome.status == "crashed" and "answered" in (outcome.message or "")


def test_closing_the_pipe_and_living_on_is_a_violation(run: Run) -> None:
    outcome = run("import os, time\ndef f(x):\n    os.close(4)\n    time.sleep(60)", 1)
    assert outcome.status == "protocol_error"
    outcome = run("import os, time\ndef f(x):\n    os.close(3)\n    time.sleep(60)", 1, wall_s=0.5)
    assert outcome.status == "timeout"


def test_a_flood_of_text_costs_the_engine_nothing(run: Run) -> None:
    before = time.process_time()
    outcome = run("def f(x):\n    while True: print('a' * 1000)", 1, wall_s=0.5, log_bytes=10_000)
    assert outcome.status == "timeout" and len(outcome.log) == 10_000
    assert "log was full" in (outcome.message or "")
    assert time.process_time() - before < 0.4
