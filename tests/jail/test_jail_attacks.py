"""Programs that try to get out, to forge, to stay behind or to wear the engine down. None may."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from selfproof.jail import Outcome, values

Run = Callable[..., Outcome]

# One statement each, which raises OSError when it is stopped; x is what `outside` holds.
REACHING_OUT = {
    "tcp": "socket.socket().connect(('127.0.0.1', x['tcp']))",
    "udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix": "socket.socket(socket.AF_UNIX).connect(x['unix'])",
    "abstract": "socket.socket(socket.AF_UNIX).connect('\\0' + x['abstract'])",
    "unix_datagram_pair": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "fork": "if os.fork() == 0: os._exit(0)",
    "forkpty": "os.forkpty()",
    "clone3": "syscall(435, ctypes.create_string_buffer(88), 88)",
    "vfork_flags": "syscall(56, 0x4111, 0, 0, 0, 0)",
    "execve": "os.execv('/usr/bin/true', ['true'])",
    "spawn": "os.posix_spawn('/usr/bin/true', ['true'], {})",
    "kill_parent": "os.kill(os.getppid(), 9)",
    "kill_engine": "os.kill(x['pid'], 9)",
    "kill_everyone": "os.kill(-1, 9)",
    "tgkill_self": "syscall(234, os.getpid(), os.getpid(), 10)",
    "pidfd": "os.pidfd_open(x['pid'])",
    "ptrace": "syscall(101, 16, x['pid'], 0, 0)",
    "ptrace_parent": "syscall(101, 16, os.getppid(), 0, 0)",
    "vm_readv": "syscall(310, os.getppid(), 0, 0, 0, 0, 0)",
    "vm_writev": "syscall(311, x['pid'], 0, 0, 0, 0, 0)",
    "kcmp": "syscall(312, os.getpid(), os.getppid(), 0, 0, 0)",
    "proc_environ": "open(f\"/proc/{x['pid']}/environ\").read()",
    "proc_mem": "open(f\"/proc/{x['pid']}/mem\", 'rb').read(1)",
    "proc_parent_mem": "open(f'/proc/{os.getppid()}/mem', 'r+b')",
    "proc_self": "open('/proc/self/status').read()",
    "proc_cmdline": "open('/proc/1/cmdline').read()",
    "passwd": "open('/etc/passwd').read()",
    "engine_source": "open(x['engine']).read()",
    "this_repository": "open(x['test']).read()",
    "secret": "open(x['secret']).read()",
    "secret_by_dots": "open(os.path.dirname(numpy.__file__) + '/../' * 20 + x['secret'])",
    "list_root": "os.listdir('/')",
    "list_tmp": "os.listdir('/tmp')",
    "write_tmp": "open('/tmp/selfproof-attack', 'w')",
    "write_cwd": "open('left', 'w')",
    "write_library": "open(numpy.__file__, 'r+')",
    "write_shm": "open('/dev/shm/selfproof-attack', 'w')",
    "mkdir": "os.mkdir('/tmp/selfproof-attack')",
    "unlink": "os.unlink(x['secret'])",
    "symlink": "os.symlink(x['secret'], '/tmp/selfproof-attack')",
    "hardlink": "os.link(x['secret'], '/tmp/selfproof-attack')",
    "chmod": "os.chmod(x['secret'], 0o777)",
    "truncate": "os.truncate(x['secret'], 0)",
    "mknod": "os.mkfifo('/tmp/selfproof-attack')",
    "memfd": "os.memfd_create('x')",
    "sysv_shm": "syscall(29, 0x41544B, 4096, 0o1666)",
    "message_queue": "syscall(240, b'/attack', 0o102, 0o666, 0)",
    "unshare": "syscall(272, 0x10000000)",
    "setns": "syscall(308, 0, 0)",
    "mount": "syscall(165, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "chroot": "os.chroot('/')",
    "setuid": "os.setresuid(0, 0, 0)",
    "bpf": "syscall(321, 0, 0, 0)",
    "perf": "syscall(298, 0, 0, -1, -1, 0)",
    "keyctl": "syscall(250, 0, -3, 1)",
    "io_uring": "syscall(425, 8, ctypes.create_string_buffer(120))",
    "userfaultfd": "syscall(323, 0)",
    "open_by_handle": "syscall(304, 0, ctypes.create_string_buffer(64), 0)",
    "clear_pdeathsig": "syscall(157, 1, 0, 0, 0, 0)",
    "become_dumpable": "syscall(157, 4, 1, 0, 0, 0)",
    "own_filter": "syscall(317, 0, 0, 0)",
    "raise_limit": "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))",
    "limits_of_parent": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "affinity_of_parent": "os.sched_setaffinity(os.getppid(), {0})",
    "priority_of_parent": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "own_signal_of_fd": "fcntl.fcntl(3, fcntl.F_SETOWN, os.getppid())",
    "tiocsti": "fcntl.ioctl(0, 0x5412, b'x')",
    "terminal": "os.open('/dev/tty', os.O_RDWR)",
    "engine_descriptors": "descriptors_above(5)",
    "settime": "time.clock_settime(time.CLOCK_REALTIME, 0)",
}

WRAP = """
import ctypes, fcntl, os, resource, socket, time
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


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What attackers aim at: a bystander process, a readable secret, listening sockets."""
    folder = tmp_path_factory.mktemp("outside")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    secret = folder / "secret"
    secret.write_text("TOKEN")
    secret.chmod(0o666)
    name = f"attack-{os.getpid()}"
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        unix.bind(str(folder / "s"))
        (folder / "s").chmod(0o777)
        abstract.bind("\0" + name)
        for listener in (unix, abstract):
            listener.listen()
        import selfproof.jail.pool as engine

        yield {
            "pid": bystander.pid, "tcp": tcp.getsockname()[1], "unix": str(folder / "s"), "abstract": name,
            "secret": str(secret), "engine": str(engine.__file__), "test": __file__,
        }  # fmt: skip
        assert bystander.poll() is None, "an attack killed a process outside"
        assert secret.read_text() == "TOKEN" and secret.stat().st_mode & 0o777 == 0o666
    bystander.kill()
    bystander.wait()


@pytest.mark.parametrize("name", REACHING_OUT)
def test_reaching_out_is_stopped(run: Run, outside: dict[str, object], name: str) -> None:
    outcome = run(WRAP.format(attack=REACHING_OUT[name]), outside)
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


def test_closing_the_pipe_and_living_on_is_a_violation(run: Run) -> None:
    outcome = run("import os, time\ndef f(x):\n    os.close(4)\n    time.sleep(60)", 1)
    assert outcome.status == "protocol_error"
    outcome = run("import os, time\ndef f(x):\n    os.close(3)\n    time.sleep(60)", 1, wall_s=0.5)
    assert outcome.status == "timeout"


def test_a_slow_drip_does_not_stretch_the_deadline(run: Run) -> None:
    source = """
import os, time
def f(x):
    os.write(4, (65535).to_bytes(4, "little") + bytes([18]))
    while True:
        os.write(4, b"a")
        time.sleep(0.02)
"""
    started = time.perf_counter()
    outcome = run(source, 1, wall_s=0.5)
    assert outcome.status == "timeout" and time.perf_counter() - started < 2.5


def test_a_flood_of_text_costs_the_engine_nothing(run: Run) -> None:
    before = time.process_time()
    outcome = run("def f(x):\n    while True: print('a' * 1000)", 1, wall_s=0.5, log_bytes=10_000)
    assert outcome.status == "timeout" and len(outcome.log) == 10_000
    assert "log was full" in (outcome.message or "")
    assert time.process_time() - before < 0.4


def test_threads_descriptors_and_disk_are_limited(run: Run) -> None:
    source = """
import os, threading, time
def f(x):
    made = 0
    try:
        for made in range(2000): threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    except RuntimeError: pass
    opened = 0
    try:
        for opened in range(2000): os.dup(0)
    except OSError: pass
    return [made, opened]
"""
    made, opened = values.decode(run(source, 1, memory_mb=1024).outputs[0])  # type: ignore[misc]
    assert made < 200 and opened < 64


def test_nothing_is_left_for_the_next_candidate(run: Run) -> None:
    poison = """
import sys, types, random, json, builtins, os
def f(x):
    sys.modules["left"] = types.ModuleType("left")
    builtins.len = lambda a: 42
    json.dumps = lambda a: "poisoned"
    os.environ["LEFT"] = "1"
    import selfproof.jail.values as v
    v.encode = lambda a: b""
    return 1
"""
    run(poison, 1, wall_s=0.5)
    look = """
import json, os
def f(x):
    try:
        import left
        return "found a module"
    except ImportError: pass
    return [len([1]), json.dumps([1]), "LEFT" in os.environ]
"""
    assert values.decode(run(look, 1).outputs[0]) == [1, "[1]", False]


def test_a_thread_left_behind_ends_with_the_job(run: Run) -> None:
    source = """
import threading, time
def f(x):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return x
"""
    outcome = run(source, 1)
    assert outcome.status == "ok"
    started = time.perf_counter()
    assert run("def f(x): return x", 1).status == "ok"
    assert time.perf_counter() - started < 2


def test_hostile_signal_handlers_do_not_survive_kill(run: Run) -> None:
    source = """
import signal
def f(x):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    while True: pass
"""
    outcome = run(source, 1, wall_s=0.3)
    assert outcome.status == "timeout"
    assert run("def f(x): return x", 1).status == "ok"
