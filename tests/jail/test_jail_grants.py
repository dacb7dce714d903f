"""What a person may grant: it works, is recorded, stays within bounds, and is refused where it is too much."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import need
from selfproof.jail import Grants, JailUnavailable, Job, Limits, Outcome, Pool, forkserver, ladder, launch, values
from selfproof.jail.cgroup import Cgroup, CgroupMissing
from selfproof.jail.worker import Worker, WorkerFailed

Ask = Callable[..., Outcome]
Granted = Callable[..., Ask]


def need_cgroup() -> None:
    try:
        Cgroup().close()
    except CgroupMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=launch.LAUNCHERS)
def granted(request: pytest.FixtureRequest) -> Iterator[Granted]:
    """Start a worker with grants, and ask it: source with one function `f`, and its input."""
    need("jail")
    workers: list[Worker] = []

    def start(*lines: str) -> Ask:
        grants = Grants.parse(lines)
        if "cgroup" in grants.needs():
            need_cgroup()
        workers.append(ladder.start("jail", [], grants=grants, launchers=[request.param]))

        def ask(source: str, given: object = None, **limits: float) -> Outcome:
            ceilings = Limits(grants=grants, **{"wall_s": 5.0} | limits)  # type: ignore[arg-type]
            return workers[-1].run(Job({"m.py": source}, "m.py:f", [values.encode(given)], limits=ceilings))

        return ask

    yield start
    for worker in workers:
        worker.kill()


def answer(outcome: Outcome) -> object:
    assert outcome.status == "ok", outcome
    return values.decode(outcome.outputs[0])


def test_subprocesses_run_see_nothing_more_and_are_gone_afterwards(granted: Granted) -> None:
    ask = granted("subprocesses")
    source = """
import subprocess
def f(script):
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True).stdout
"""
    assert answer(ask(source, "echo hello; cat /etc/passwd; echo > /tmp/left; echo $?")) == "hello\n2\n"
    daemon = (
        "import os, time\ndef f(x):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n    return x"
    )
    assert ask(daemon, 1, wall_s=0.5).status == "timeout"
    alive = "import os\ndef f(x):\n    try: os.kill(-1, 0)\n    except ProcessLookupError: return 'alone'"
    assert answer(ask(alive)) == "alone"


def test_processes_together_are_bounded_in_number_and_memory(granted: Granted) -> None:
    ask = granted("subprocesses")
    bomb = """
import os, time
def f(most):
    made = 0
    try:
        while made < most:
            if os.fork() == 0: time.sleep(30)
            made += 1
    except OSError: pass
    os.kill(-1, 9)
    return made
"""
    assert answer(ask(bomb, 300)) < 128  # type: ignore[operator]
    heap = """
import os, time
def f(size):
    for _ in range(6):
        if os.fork() == 0:
            kept = b"x" * size
            time.sleep(1.5)
            os._exit(0)
    return sum(os.wait()[1] == 0 for _ in range(6))
"""
    outcome = ask(heap, 150 << 20, memory_mb=400, wall_s=10)
    assert outcome.status == "oom" or answer(outcome) < 3, outcome  # type: ignore[operator]


def test_scratch_is_private_bounded_and_empty_again(granted: Granted) -> None:
    ask = granted("scratch:8")
    write = """
import os, tempfile
def f(count):
    for number in range(count):
        with tempfile.NamedTemporaryFile(delete=False) as file: file.write(b"x" * (1 << 20))
    return sorted(os.listdir("/scratch")), os.getcwd(), tempfile.gettempdir()
"""
    names, *places = answer(ask(write, 5))  # type: ignore[misc]
    assert len(names) == 6 and "program" in names and places == ["/scratch/program", "/scratch"]
    outcome = ask(write, 9)
    assert outcome.status == "error" and "No space left" in (outcome.message or "")
    with Pool(1, grants=Grants(scratch_mb=8)) as pool:
        limits = Limits(grants=Grants(scratch_mb=8))
        job = Job({"m.py": write}, "m.py:f", [values.encode(1)], limits=limits)
        for _ in range(3):
            outcome = pool.submit(job).result()
            left, *_ = answer(outcome)  # type: ignore[misc]
            assert len(left) == 2 and outcome.granted == ("scratch:8",)


def test_with_scratch_a_program_finds_its_own_files(granted: Granted) -> None:
    """Data files too, by a path from here and beside the module; and none of another program's."""
    granted("scratch:8")
    source = """
import os, pathlib
def f(x):
    found = sorted(str(path) for path in pathlib.Path().rglob("*") if path.is_file())
    return found, open("words/prompt.txt").read(), pathlib.Path(__file__).with_name("words").is_dir()
"""
    limits = Limits(grants=Grants(scratch_mb=8))
    with Pool(1, grants=limits.grants) as pool:
        for word in ("one", "two"):
            files = {"m.py": source, "words/prompt.txt": word, f"{word}.yaml": ""}
            outcome = pool.submit(Job(files, "m.py:f", [values.encode(0)], limits=limits, screening=True)).result()
            found, text, beside = answer(outcome)  # type: ignore[misc]
            assert (found, text, beside) == (sorted(files), word, True)


LEFT = {
    "links": "os.symlink('/usr/lib', 'out'); os.symlink('nowhere', 'dangling')",
    "closed": "os.makedirs('/scratch/a/b'); open('/scratch/a/b/c', 'w').close(); os.chmod('/scratch/a', 0)",
    "deep": "[(os.mkdir('d'), os.chdir('d')) for _ in range(1500)]",
    "many": "[open(f'/scratch/{n}', 'w').close() for n in range(5000)]",
    "odd": "open(b'/scratch/\\xff\\n', 'w').close(); open('/scratch/-rf', 'w').close()",
}


@pytest.mark.parametrize("kind", LEFT)
def test_whatever_is_left_behind_the_next_finds_nothing_of_it(kind: str) -> None:
    """What is little is taken away; for anything else the worker itself is replaced."""
    limits = Limits(grants=Grants(scratch_mb=64))
    source = f"import os\ndef f(x):\n    {LEFT[kind]}\n"
    look = "import os\ndef f(x): return sorted(os.listdir('/scratch')), len(os.listdir('/usr/lib')) > 0"
    with Pool(1, grants=limits.grants) as pool:
        first = pool.submit(Job({"m.py": source}, "m.py:f", [values.encode(1)], limits=limits)).result()
        assert first.status == "ok", first.message
        outcome = pool.submit(Job({"m.py": look}, "m.py:f", [values.encode(1)], limits=limits)).result()
        assert answer(outcome) == (["program"], True)


def test_a_scratch_folder_that_was_made_unreadable_ends_nothing(granted: Granted) -> None:
    ask = granted("scratch:8")
    hide = """
import os
def f(x):
    open("left", "w")
    try: os.chmod("/scratch", 0)
    except PermissionError: pass
"""
    assert ask(hide).status == "ok"
    assert ask("def f(x): return x", 1).status == "ok"
    assert not forkserver._emptied("/nowhere/at/all")  # where the program is its owner, as without root, it can do that


def test_the_next_program_is_not_blamed_for_memory_that_the_last_one_used_up(granted: Granted) -> None:
    ask = granted("subprocesses")
    spend = """
import os, time
def f(size):
    for _ in range(5):
        if os.fork() == 0:
            kept = b"x" * size
            time.sleep(0.5)
            os._exit(0)
    return sum(os.WTERMSIG(os.wait()[1]) == 9 for _ in range(5))
"""
    assert answer(ask(spend, 150 << 20, memory_mb=400)) >= 1  # type: ignore[operator]
    assert ask("import os\ndef f(x): os._exit(3)", memory_mb=400).status == "crashed"


def test_processor_time_of_processes_that_were_left_counts(granted: Granted) -> None:
    ask = granted("subprocesses")
    leave = """
import os, time
def f(x):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        began = time.process_time()
        while time.process_time() - began < 0.5: pass
        os.write(writer, b"x")
        for descriptor in range(1, 10): os.close(descriptor) if descriptor != writer else None
        time.sleep(60)
    os.read(reader, 1)
    return x
"""
    outcome = ask(leave, 1)
    assert outcome.status == "ok" and outcome.cpu_seconds > 0.4, outcome


def test_scratch_is_no_place_for_programs_or_devices(granted: Granted) -> None:
    ask = granted("scratch:8", "subprocesses")
    run = """
import os, shutil, subprocess
def f(x):
    shutil.copy("/usr/bin/true", "/scratch/true")
    os.chmod("/scratch/true", 0o755)
    found = []
    for attempt in (lambda: subprocess.run(["/scratch/true"]), lambda: os.mkfifo("/scratch/pipe")):
        try: attempt()
        except PermissionError as error: found.append("denied")
    return found
"""
    assert answer(ask(run)) == ["denied", "denied"]


def test_data_is_read_only(granted: Granted, tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents[:3]):
        path.chmod(0o755)
    (tmp_path / "numbers").write_text("1 2 3")
    (tmp_path / "numbers").chmod(0o666)
    ask = granted(f"data:{tmp_path}")
    read = "def f(path):\n    text = open(path).read()\n    try: open(path, 'w')\n    except OSError: return text"
    assert answer(ask(read, str(tmp_path / "numbers"))) == "1 2 3"
    assert ask(read, str(tmp_path.parent / "elsewhere")).status == "error"


@pytest.mark.parametrize("launcher", launch.LAUNCHERS)
def test_the_root_and_data_are_read_only_by_themselves(launcher: str, tmp_path: Path) -> None:
    """Also for a program that is root in there, with no Landlock and no filter."""
    need("jail")
    if os.geteuid() != 0:
        pytest.skip("only root can leave out the uid of its own")
    grants = Grants(data=(str(tmp_path),))
    without = frozenset({"uid", "landlock", "seccomp", "rlimits"})
    worker = ladder.start("jail", [], grants=grants, without=without, launchers=[launcher])
    source = """
def f(folders):
    found = []
    for folder in folders:
        try: open(folder + "/left", "w")
        except OSError as error: found.append(error.errno)
    return found
"""
    job = Job({"m.py": source}, "m.py:f", [values.encode(["", str(tmp_path)])], limits=Limits(grants=grants))
    outcome = worker.run(job)
    worker.kill()
    assert answer(outcome) == [errno.EROFS, errno.EROFS] and not list(tmp_path.iterdir())


def test_data_is_read_only_without_a_root_of_its_own(tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents[:3]):
        path.chmod(0o755)
    (tmp_path / "numbers").write_text("1 2 3")
    (tmp_path / "numbers").chmod(0o666)
    grants = Grants(data=(str(tmp_path),))
    read = "def f(path):\n    text = open(path).read()\n    try: open(path, 'r+')\n    except OSError: return text"
    with Pool(1, require="confined", grants=grants) as pool:
        given = [values.encode(str(tmp_path / "numbers"))]
        assert (
            answer(pool.submit(Job({"m.py": read}, "m.py:f", given, limits=Limits(grants=grants))).result()) == "1 2 3"
        )


@pytest.fixture
def echo() -> Iterator[int]:
    """A port on this machine that answers what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(b"echo:" + client.recv(100))

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


NETWORK = """
import os, socket
def talk(place, request):
    with socket.create_connection(place) as way:
        way.sendall(request)
        return way.recv(1000)
def f(port):
    way = ("127.0.0.1", int(os.environ["https_proxy"].rpartition(":")[2]))
    asked = [b"127.0.0.1:%d" % port, b"127.0.0.1:1", b"localhost:%d" % port, b"example.org:443"]
    answers = [talk(way, b"CONNECT %s HTTP/1.1\\r\\n\\r\\n" % place)[:13] for place in asked]
    answers.append(talk(way, b"GET http://127.0.0.1:%d/ HTTP/1.1\\r\\n\\r\\n" % port)[:13])
    with socket.create_connection(way) as tunnel:
        tunnel.sendall(b"CONNECT %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % asked[0])
        tunnel.recv(1000)
        tunnel.sendall(b"hello")
        answers.append(tunnel.recv(100))
    for attempt in (
        lambda: talk(("127.0.0.1", port), b""), lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        lambda: socket.socket(socket.AF_UNIX).connect("\\0x"), lambda: socket.create_server(("127.0.0.1", 0)),
    ):
        try: attempt()
        except OSError: continue
        answers.append("through")
    return answers
"""


def test_a_network_reaches_the_named_hosts_and_nothing_else(granted: Granted, echo: int) -> None:
    ask = granted(f"network:127.0.0.1:{echo}")
    refused = b"HTTP/1.1 403 "
    assert answer(ask(NETWORK, echo)) == [b"HTTP/1.1 200 ", *[refused] * 4, b"echo:hello"]


def test_connections_end_with_their_job(granted: Granted) -> None:
    """However many a program leaves open, to a server that never answers, the next one has all the room."""
    silent = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = silent.getsockname()[1]
    ask = granted(f"network:127.0.0.1:{port}")
    hold = """
import os, socket
def f(port):
    way = ("127.0.0.1", int(os.environ["https_proxy"].rpartition(":")[2]))
    held = [socket.create_connection(way) for _ in range(40)]
    for side in held[:16]: side.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\\r\\n\\r\\n" % port)
    return [side.recv(12) for side in held[:16]]
"""
    for _ in range(3):
        assert answer(ask(hold, port)) == [b"HTTP/1.1 200"] * 16
    silent.close()


def test_what_is_granted_to_one_job_is_not_there_for_the_next(tmp_path: Path) -> None:
    need("jail")
    need_cgroup()
    look = "import os\ndef f(x): return os.path.exists('/scratch')"
    with Pool(1) as pool:
        for grants in (Grants(), Grants(scratch_mb=1), Grants()):
            job = Job({"m.py": look}, "m.py:f", [values.encode(1)], limits=Limits(grants=grants))
            outcome = pool.submit(job).result()
            assert answer(outcome) == bool(grants.scratch_mb) and outcome.granted == grants.lines()


@pytest.mark.parametrize("line", ["subprocesses", "scratch:1", "gpu", "network:example.org:443"])
def test_what_would_be_too_much_in_a_weaker_tier_is_refused(line: str) -> None:
    for tier in ("confined", "none"):
        with pytest.raises(JailUnavailable, match="cannot be granted here: "):
            Pool(1, require=tier, grants=Grants.parse([line]))


def test_without_control_groups_what_needs_them_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: Cgroup) -> None:
        raise CgroupMissing("none here")

    monkeypatch.setattr(Cgroup, "__init__", missing)
    with pytest.raises(WorkerFailed, match="none here"):
        ladder.start("jail", [], grants=Grants(subprocesses=True))
    ladder.start("confined", []).kill()


@pytest.mark.parametrize(
    "line",
    ["", "all", "subprocesses:1", "scratch", "scratch:0", "scratch:-1", "scratch:1e3", "scratch:99999999", "data:",
     "data:relative", "data:/", "data:/a/../b", "data:/a/", "gpu:0", "network", "network:host", "network:host:0",
     "network:host:65536", "network:*:443", "network:a b:1", "network:-a:1"],
)  # fmt: skip
def test_what_means_nothing_grants_nothing(line: str) -> None:
    with pytest.raises(ValueError, match="grants nothing"):
        Grants.parse([line])


def test_grants_are_not_written_twice() -> None:
    for line in ("subprocesses", "gpu", "scratch:4", "data:/a", "network:a:1"):
        with pytest.raises(ValueError, match="twice"):
            Grants.parse([line, line])


@given(st.builds(
    Grants, st.booleans(), st.integers(0, 9), st.sets(st.sampled_from(["/a", "/b/c"])).map(lambda s: tuple(sorted(s))),
    st.booleans(), st.sets(st.sampled_from(["a.b:1", "localhost:443"])).map(lambda s: tuple(sorted(s))),
))  # fmt: skip
def test_what_is_recorded_can_be_read_back(grants: Grants) -> None:
    assert Grants.parse(grants.lines()) == Grants.parse(grants.lines()[::-1]) == grants
