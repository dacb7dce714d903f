"""What is not the program's doing: workers killed and stopped, no bubblewrap, no disk, no descriptors, an interrupt.

Each is reported as `jail_failed` and tried once more in a new worker, or ends with a message; never as another status.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from test_jail_lifetime import all_gone, descendants

from conftest import TIERS, need
from selfproof.grants import Grants
from selfproof.jail import Job, Limits, Outcome, Pool, launch, values, view
from selfproof.jail import pool as pool_module
from selfproof.jail import worker as worker_module
from selfproof.jail.cgroup import Cgroup, CgroupMissing
from selfproof.jail.limits import Heard
from selfproof.jail.verdict import Ended, judge
from selfproof.jail.worker import Worker

SLOW = "import time\ndef f(x):\n    time.sleep(0.5)\n    return x + 1"
ANSWER = values.encode(2)


def job(source: str = "def f(x): return x + 1", wall_s: float = 3.0, **rest: object) -> Job:
    return Job({"m.py": source}, "m.py:f", [values.encode(1)], limits=Limits(wall_s=wall_s), **rest)  # type: ignore[arg-type]


def ctrl_c() -> None:
    """A real signal: it also wakes a main thread that waits for a lock."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def correct(outcome: Outcome) -> bool:
    return outcome.status == "ok" and outcome.outputs == (ANSWER,)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The status of every single run in a worker, the ones that are tried again and the probes included."""
    seen: list[str] = []
    real = Worker.run

    def run(self: Worker, job: Job) -> Outcome:
        outcome = real(self, job)
        if job.entry != "probe.py:probe":
            seen.append(outcome.status)
        return outcome

    monkeypatch.setattr(Worker, "run", run)
    monkeypatch.setattr(worker_module, "_ANSWER_S", 0.5)
    return seen


def family(tier: str, before: set[int], *, with_child: bool = True) -> dict[str, int]:
    """The processes of the one worker started since, by what they are; waits until it is in the middle of a job."""
    wanted = (["bubblewrap"] if tier == "jail" else []) + ["fork-server"] + (["child"] if with_child else [])
    deadline = time.perf_counter() + 5
    while time.perf_counter() < deadline:
        pids, line = descendants(os.getpid()) - before, os.getpid()
        time.sleep(0.15)  # past the start of the child and into the program; a probe would be over
        if len(pids) == len(wanted) and pids == descendants(os.getpid()) - before:
            found = {}
            for name in wanted:
                line = next(pid for pid in pids if pid in _children(line))
                found[name] = line
            return found
        time.sleep(0.005)
    raise AssertionError(f"there are {descendants(os.getpid()) - before}, wanted {wanted}")


def _children(pid: int) -> set[int]:
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()} | {
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    }


@pytest.mark.parametrize(
    ("tier", "victim"),
    [("jail", "bubblewrap"), *((tier, victim) for tier in TIERS for victim in ("fork-server", "child"))],
)
@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGSTOP])
def test_a_signal_from_outside_is_not_the_programs_fault(
    runs: list[str], tier: str, victim: str, with_signal: signal.Signals
) -> None:
    need(tier)
    before = descendants(os.getpid())
    with Pool(1, require=tier) as made:
        future = made.submit(job(SLOW, wall_s=1.0))
        ours = family(tier, before)
        os.kill(ours[victim], with_signal)
        assert correct(future.result(timeout=30))
        # bubblewrap only waits for the fork-server; the kernel ends that after it, unless root gave it a uid of its own
        harmless = victim == "bubblewrap" and (with_signal == signal.SIGSTOP or os.geteuid() == 0)
        assert runs == (["ok"] if harmless else ["jail_failed", "ok"])
        assert correct(made.submit(job()).result(timeout=30))
    assert all_gone(set(ours.values()), 1.0)


@pytest.mark.parametrize("tier", TIERS)
def test_killed_twice_is_still_not_the_programs_fault(runs: list[str], tier: str) -> None:
    need(tier)
    before = descendants(os.getpid())
    with Pool(1, require=tier) as made:
        future = made.submit(job(SLOW))
        for _ in range(2):
            os.kill(family(tier, before)["child"], signal.SIGKILL)
            time.sleep(0.05)
        outcome = future.result(timeout=30)
        assert (outcome.status, outcome.message) == ("jail_failed", "it was killed from outside")
        assert runs == ["jail_failed"] * 2
        assert correct(made.submit(job()).result(timeout=30))


def test_a_kill_that_can_be_the_programs_doing_is_charged() -> None:
    def status(cpu_s: float, peak_mb: float) -> str:
        ended = Ended(signal.SIGKILL, cpu_s, peak_mb, 0, killed=False)
        return judge(Heard("crashed", "gone"), ended, job(), "jail", ()).status

    assert status(0.1, 50) == "jail_failed"
    assert status(0.1, 900) == "oom"
    assert status(9.9, 50) == "timeout"


def test_with_subprocesses_granted_a_program_may_send_signals_to_itself() -> None:
    """Then what they do to it is its own doing."""
    granted = replace(job(), limits=Limits(grants=Grants(subprocesses=True)))
    killed, stopped = Ended(signal.SIGKILL, 0.1, 50, 0, killed=False), Ended(0x137F, 0.1, 50, 0, killed=True)
    assert judge(Heard("crashed", "gone"), killed, granted, "jail", ()).status == "crashed"
    assert judge(Heard("timeout", "late"), stopped, granted, "jail", ()).status == "timeout"
    assert judge(Heard("timeout", "late"), stopped, job(), "jail", ()).status == "jail_failed"


LOWER = """
import ctypes, mmap, resource, struct
def f(x):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 4
    room = libc.mmap(1 << 32, 4096, 3, 0x32, -1, 0)  # an address whose low word is zero
    ctypes.memmove(room, struct.pack("QQ", 1, 1), 16)
    plain = struct.pack("QQ", 1, 1)
    refused = [libc.syscall(302, 0, resource.RLIMIT_CPU, limits, None) for limits in (ctypes.c_void_p(room), plain)]
    if refused == [-1, -1]:
        return x + 1
    while True: pass
"""


@pytest.mark.parametrize("tier", TIERS)
def test_a_program_cannot_look_as_if_it_was_killed_from_outside(runs: list[str], tier: str) -> None:
    """A limit that it lowered for itself would be enforced with SIGKILL, and count as nobody's fault."""
    need(tier)
    with Pool(1, require=tier) as made:
        assert correct(made.submit(job(LOWER)).result(timeout=30))
    assert runs == ["ok"]


def test_an_answer_that_comes_late_is_not_taken_for_the_next_jobs(
    runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fork-server stands still while the child that was kept for screening is ended, then goes on."""
    monkeypatch.setattr(worker_module, "_ANSWER_S", 0.2)
    monkeypatch.setattr(pool_module, "_MOMENT_S", 60.0)
    before = descendants(os.getpid())
    with Pool(1, require="confined") as made:
        assert correct(made.submit(job(screening=True)).result(timeout=30))
        server = family("confined", before)["fork-server"]
        os.kill(server, signal.SIGSTOP)
        future = made.submit(job("import os\ndef f(x): os._exit(3)"))
        time.sleep(0.4)
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGCONT)
        outcome = future.result(timeout=30)
    assert (outcome.status, runs) == ("crashed", ["ok", "jail_failed", "crashed"]), outcome
    assert "exit code 3" in (outcome.message or "")


@pytest.mark.parametrize("programs", [(), ("/usr/bin/false",)])
def test_without_bubblewrap_our_own_launcher_takes_over(
    runs: list[str], monkeypatch: pytest.MonkeyPatch, programs: tuple[str, ...]
) -> None:
    need("jail")
    before = descendants(os.getpid())
    with Pool(1, require="jail") as made:
        monkeypatch.setattr(launch, "_BUBBLEWRAP", programs)
        assert correct(made.submit(job()).result(timeout=30))  # the worker that is there needs none
        os.kill(family("jail", before, with_child=False)["fork-server"], signal.SIGKILL)
        outcome = made.submit(job()).result(timeout=30)
        assert correct(outcome) and outcome.tier == "jail"
    assert runs == ["ok", "jail_failed", "ok"]


def test_without_any_launcher_it_is_the_jail_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    need("jail")

    def missing(*_: object, **__: object) -> list[str]:
        raise launch.LauncherMissing("it is gone")

    before = descendants(os.getpid())
    with Pool(1, require="jail") as made:
        monkeypatch.setattr(launch, "command", missing)
        os.kill(family("jail", before, with_child=False)["fork-server"], signal.SIGKILL)
        outcome = made.submit(job()).result(timeout=30)
        assert outcome.status == "jail_failed" and "no worker could be had: " in (outcome.message or "")
        assert "it is gone" in (outcome.message or "")
        monkeypatch.undo()
        outcome = made.submit(job()).result(timeout=30)
        assert correct(outcome) and outcome.tier == "jail"


def test_a_worker_needs_no_room_on_any_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def full(path: str, flags: int, mode: int = 0o777, **rest: int) -> int:
        if flags & os.O_CREAT or flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, flags, mode, **rest)

    monkeypatch.setattr(os, "open", full)
    with Pool(1, require="confined") as made:
        assert correct(made.submit(job()).result(timeout=30))


def test_a_layer_that_held_at_the_start_is_not_missed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control group that cannot be made for a new worker is no reason to go on without one."""
    with Pool(1, require="confined") as pool:
        if not any(layer.startswith("cgroup") for layer in pool.layers):
            pytest.skip("no control groups can be made here (run as root, or in a delegated group)")
        assert correct(pool.submit(job()).result(timeout=20))

        def missing(self: Cgroup) -> None:
            raise CgroupMissing("not now")

        monkeypatch.setattr(Cgroup, "__init__", missing)
        crash = job("import ctypes\ndef f(x): ctypes.string_at(8)")
        assert pool.submit(crash).result(timeout=20).status == "crashed"
        outcome = pool.submit(job()).result(timeout=20)
        assert outcome.status == "jail_failed" and "cgroup held at the start" in (outcome.message or "")
        monkeypatch.undo()
        assert correct(pool.submit(job()).result(timeout=20))


SCARCE = """
import os, resource
from pathlib import Path
from selfproof.jail import Job, Limits, Pool, values

def opened():
    links = [link for link in Path("/proc/self/fd").iterdir()]
    return sorted(str(link.readlink()) for link in links if link.is_symlink() and link.exists())

def ask(made):
    job = Job({"m.py": "def f(x): return x + 1"}, "m.py:f", [values.encode(1)], limits=Limits(wall_s=3.0))
    outcome = made.submit(job).result(timeout=30)
    return outcome.status == "ok" and outcome.outputs == (values.encode(2),), outcome

with Pool(1, require="confined") as made:
    assert ask(made)[0]
    before = len(opened())
    for left in range(16):  # each place where one is opened fails once
        lowest = os.dup(0)
        os.close(lowest)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + left, hard))
        correct, outcome = ask(made)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert correct or outcome.status == "jail_failed", (left, outcome)
        assert left > 2 or "Too many open files" in (outcome.message or ""), (left, outcome)
        assert ask(made)[0], left
        assert len(opened()) == before, (left, opened())
"""


def test_running_out_of_descriptors_is_a_failure_of_the_jail_and_loses_none() -> None:
    """In an interpreter of its own, where nobody else opens or closes any."""
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SCARCE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_closing_ends_a_worker_that_is_still_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    before, real, calls = descendants(os.getpid()), view.fork_server, []

    def command() -> list[str]:
        calls.append(1)
        return real() if len(calls) == 1 else [sys.executable, "-S", "-c", "import time; time.sleep(60)"]

    monkeypatch.setattr(view, "fork_server", command)
    made = Pool(2, require="confined")
    while len(descendants(os.getpid()) - before) < 2:
        time.sleep(0.01)
    ours, started = descendants(os.getpid()) - before, time.perf_counter()
    made.close()
    assert time.perf_counter() - started < 10.0, "what runs would have gone on for a minute"
    assert all_gone(ours, 5.0)


def test_an_interrupt_while_the_first_worker_starts_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(view, "fork_server", lambda: sleep)
    before, seen = descendants(os.getpid()), set()

    def interrupt() -> None:
        while not seen:
            seen.update(descendants(os.getpid()) - before)
        ctrl_c()

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        Pool(1, require="confined")
    assert all_gone(seen, 0.5)


def test_an_interrupted_map_leaves_no_work_behind(runs: list[str]) -> None:
    with Pool(1, require="confined") as made:
        threading.Timer(0.3, ctrl_c).start()
        with pytest.raises(KeyboardInterrupt):
            made.map([job(SLOW)] * 6)
        assert correct(made.submit(job()).result(timeout=30))
    assert len(runs) <= 3  # the one that was running, at most one more, the one after


def test_a_callback_that_raises_harms_no_other_job() -> None:
    def leave(position: int, output: bytes) -> bool:
        raise SystemExit(7)

    with Pool(1, require="confined") as made:
        first, second = made.submit(job(go_on=leave)), made.submit(job())
        with pytest.raises(SystemExit):
            first.result(timeout=30)
        assert correct(second.result(timeout=30))


def test_a_worker_that_replaced_another_is_ended_when_its_job_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Worker.run, []

    def run(self: Worker, one: Job) -> Outcome:
        if one.entry == "probe.py:probe":
            return real(self, one)
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("odd")
        return pool_module._failed("first", self.tier)

    monkeypatch.setattr(Worker, "run", run)
    before = descendants(os.getpid())
    with Pool(1, require="confined") as made:
        with pytest.raises(RuntimeError, match="odd"):
            made.submit(job()).result(timeout=30)
        deadline = time.perf_counter() + 2
        while (left := descendants(os.getpid()) - before) and time.perf_counter() < deadline:
            time.sleep(0.01)
        assert not left


def test_a_report_that_comes_at_once_still_tells_who_sent_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel adds the sender's pid only to what is sent after it was asked to."""
    real = Worker._first_report

    def late(self: Worker) -> object:
        time.sleep(1.0)
        return real(self)

    monkeypatch.setattr(Worker, "_first_report", late)
    with Pool(1, require="confined") as made:
        assert correct(made.submit(job()).result(timeout=30))


def test_two_pools_at_once_do_not_meet() -> None:
    before = descendants(os.getpid())
    with Pool(2, require="confined") as one:
        with Pool(2, require="confined") as two:
            assert all(map(correct, [*one.map([job()] * 8), *two.map([job()] * 8)]))
            if os.geteuid() == 0:
                who = "import os\ndef f(x): return os.getuid()"
                uids = [{o.outputs for o in made.map([job(who)] * 8)} for made in (one, two)]
                assert not uids[0] & uids[1]
        assert all(map(correct, one.map([job()] * 4)))
    assert all_gone(descendants(os.getpid()) - before, 1.0)


ENGINE = """
import sys
from selfproof.jail import Job, Limits, Pool, values
limits = Limits(wall_s=60, cpu_s=60)
hang = Job({"m.py": "def f(x):\\n    while True: pass"}, "m.py:f", [values.encode(1)], limits=limits)
screen = Job({"m.py": "def f(x): return x"}, "m.py:f", [values.encode(1)], screening=True)
pool = Pool(2, require=sys.argv[1])
pool.map([screen] * 4)
pool.map([hang] * 4)
"""


@pytest.mark.parametrize("tier", TIERS)
def test_an_engine_that_is_killed_at_any_moment_leaves_nothing(tier: str) -> None:
    need(tier)
    subreaper: Callable[[int], int] = lambda on: ctypes.CDLL(None).prctl(36, on, 0, 0, 0)  # noqa: E731
    before = descendants(os.getpid())
    assert subreaper(1) == 0  # what outlives the engine becomes a child of this process, and is found
    try:
        for after_s in (0.2, 0.3, 0.4, 0.5, 0.7, 1.2):
            engine = subprocess.Popen([sys.executable, "-c", ENGINE, tier])
            time.sleep(after_s)
            engine.kill()
            engine.wait()
            deadline = time.perf_counter() + 1.0
            while left := descendants(os.getpid()) - before:
                for pid in left:
                    with contextlib.suppress(ChildProcessError):  # it may be a child of one that is left
                        os.waitpid(pid, os.WNOHANG)
                assert time.perf_counter() < deadline, left
    finally:
        subreaper(0)
