"""How long a stop takes, as seen from outside, at random moments and at the worst ones. Needs root for the full disk.

    python benchmarks/stopping.py [--moments 50] [--seed 1] [--load N] [--json]

Each moment is a run of its own, in a copy of one life. From the order (the stop file) it is measured until the engine,
its watcher and everything that was ever below them are gone. Then the ledger must verify, the next run must be refused,
and after `resume` a life must open. `--load` keeps so many processes busy meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from selfproof import life as lives
from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.ledger import read
from selfproof.nouns import UsageError
from selfproof.oversight import halting, watcher
from selfproof.oversight.stop import order
from selfproof.places import Paths

PATIENCE_S = 60.0
GONE_S = 20.0

ENGINE = """
import itertools, os, pathlib, sys, time
MARK, RUNNING = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[1], ".selfproof", "running")

def hang(*_, **__):
    MARK.touch()
    sum(itertools.repeat(0))  # in C: no signal handler of Python's is ever run

def hang_in(owner, name, fits):
    right = getattr(owner, name)
    setattr(owner, name, lambda *words, **more: hang() if fits(words) else right(*words, **more))

{point}
from selfproof.cli import main
main(["run", "--minutes", "3", "--json", "--at", sys.argv[1], *sys.argv[3:]])
"""
POINTS = {
    "adopting": "from selfproof.adopt import repo\nhang_in(repo, 'commit', lambda w: 'version 0' not in w[2])",
    "signing": "from selfproof.ledger.signing import Signing\nhang_in(Signing, 'sign', lambda w: RUNNING.exists())",
    "altered": "from selfproof.oversight.stop import Stop\nStop.reason = property(lambda self: None)\n"
    "Stop.urgent = property(lambda self: False)",
}
AGENT = """#!/bin/sh
trap '' TERM INT HUP
(trap '' TERM INT HUP; setsid sleep 600) &
while :; do sleep 0.1; done
"""
STORM = """import os


def {name}(x):
    open("/scratch/mark", "w").close()
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
"""


@dataclass(frozen=True)
class Row:
    """One moment: how long it took, who ended it, and what was wrong afterwards."""

    kind: str
    seconds: float
    ended: str
    wrong: tuple[str, ...]


def launched(folder: Path, kind: str, mark: Path) -> subprocess.Popen[bytes]:
    """Start an engine in which ``kind`` happens."""
    more: list[str] = []
    if kind == "agent":
        script = Path(tempfile.mkdtemp(dir=folder.parent.parent), "agent.sh")  # what is beside a life is hidden from it
        script.write_text(AGENT)
        script.chmod(0o755)
        more = ["--agent", f"sh {script} {{prompt}}"]
    if kind == "storm":
        charter = folder / "charter.toml"
        charter.write_text(charter.read_text() + '\n[sandbox]\nallow = ["subprocesses", "scratch:1"]\nwall_s = 60\n')
        for path in (folder / "program").glob("*.py"):
            if path.name != "improver.py":
                path.write_text(STORM.format(name="double" if path.stem == "holdout" else "square"))
    point = POINTS.get(kind, "")
    words = [sys.executable, "-c", ENGINE.format(point=point), str(folder), str(mark), *more]
    return subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
    )


class Seen:
    """Everything that was ever below a process."""

    def __init__(self, engine: int) -> None:
        self.engine, self.known = engine, watcher.Family()

    def look(self) -> None:
        """Look once more."""
        self.known |= watcher.family(self.engine, self.known)

    def left(self) -> list[int]:
        """What of it lives."""
        every = watcher.processes()
        return [pid for pid, at in self.known.items() if pid in every and every[pid][2] == at and every[pid][1] != "Z"]


def words_of(pid: int) -> bytes:
    """A process's command line."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def busy(seen: Seen, folder: Path, kind: str, mark: Path, after: float) -> None:
    """Wait until the moment has come."""
    deadline = time.monotonic() + PATIENCE_S
    begun = None
    while time.monotonic() < deadline:
        seen.look()
        ready = mark.exists() if kind in {"adopting", "signing"} else Paths(folder).running.exists()
        if kind == "agent":
            ready = any(b"agent.sh" in words_of(pid) for pid in seen.known)
        if kind == "storm":
            ready = len(seen.known) > 40
        if ready and begun is None:
            begun = time.monotonic()
        if begun is not None and time.monotonic() - begun >= after:
            return
        time.sleep(0.03)
    raise TimeoutError(f"{kind}: the moment did not come")


def moment(folder: Path, kind: str, after: float) -> Row:
    """Stop a run of a life at one moment and see what is left."""
    mark = folder.parent / "mark"
    process = launched(folder, kind, mark)
    seen, paths = Seen(process.pid), Paths(folder)
    try:
        busy(seen, folder, kind, mark, after)
        if kind == "frozen":
            process.send_signal(signal.SIGSTOP)
        if kind == "full disk":
            filled(folder)
        began = time.monotonic()
        order(paths, "a test", kind)
        while (process.poll() is None or seen.left()) and time.monotonic() - began < GONE_S:
            seen.look()
            time.sleep(0.005)
        seconds = time.monotonic() - began
        left = [*seen.left(), *([process.pid] if process.poll() is None else [])]
    finally:
        process.kill()  # by hand: what is tried here may be what is broken
        for pid in seen.left():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()
    wrong = [f"{len(left)} processes are left"] if left else []
    if kind == "full disk":
        (folder / "filling").unlink()
    ways = {0: "in order", -signal.SIGKILL: "by its watcher"}
    ended = ways.get(process.returncode, f"with exit code {process.returncode}")
    return Row(kind, seconds, ended, (*wrong, *afterwards(paths, kind)))


def filled(folder: Path) -> None:
    """Use up the disk that the folder is on."""
    with contextlib.suppress(OSError), (folder / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def afterwards(paths: Paths, kind: str) -> Iterator[str]:
    """What does not hold after a stop."""
    if not (found := audit(paths.ledger))["ok"]:
        yield f"the ledger does not verify: {found['first_bad']}"
    paths.stop.unlink(missing_ok=True)  # taking the order away must not be enough
    try:
        halting.settled(paths)
        state = fold(read(paths.ledger).leaves())
        halting.check(state.overseen)
        yield "it could go on"
    except UsageError as refused:
        if kind != "full disk" and "a test" not in str(refused):  # there the order was an empty file
            yield f"it is not said who stopped it: {refused}"
    halting.resume(paths, "a test")
    if kind != "storm":  # whose program is no version of its ledger's
        with lives.opened(paths.folder) as life:
            if life.state.overseen.halted is not None or life.state.now.number < 0:
                yield "it did not open again"
    if not (found := audit(paths.ledger))["ok"]:
        yield f"the ledger does not verify afterwards: {found['first_bad']}"


KINDS: tuple[str, ...] = ("running", "frozen", "altered", "adopting", "signing", "agent", "storm", "full disk")
BARE = ("adopting", "signing", "storm")  # they begin with a program that has no life yet


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own. Raises OSError where that is not allowed."""
    place = Path(tempfile.mkdtemp())
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
    try:
        if subprocess.run(words, capture_output=True, check=False).returncode:
            raise OSError("a small file system cannot be mounted here")
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
    finally:
        place.rmdir()


def tried(kind: str, after: float, make: Callable[[Path, str], object]) -> Row:
    """One moment in a folder of its own; ``make`` puts a life, or what one begins with, there."""
    with contextlib.ExitStack() as stack:
        if kind == "full disk":
            base = stack.enter_context(small_disk(60))
        else:
            base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make(base / "life", kind)
        return moment(base / "life", kind, after)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from finite_program import made

    rng, rows = random.Random(asked.seed), []
    busy_ones = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(asked.load)]
    try:
        with tempfile.TemporaryDirectory() as place:
            first = Path(place, "life")
            words = [sys.executable, "-m", "selfproof", "run", "--minutes", "0.5", "--seed", "2", "--json", "--at"]
            subprocess.run([*words, first], stdout=subprocess.DEVNULL, check=True)
            for number in range(asked.moments):
                # Half of the moments are any moments; the others are the worst ones, in turn.
                kind = "running" if number % 2 else KINDS[1 + number // 2 % (len(KINDS) - 1)]
                after = rng.uniform(0, 8 if kind == "running" else 1)
                make = (lambda at, kind: made(at)) if kind in BARE else (lambda at, kind: shutil.copytree(first, at))
                rows.append(tried(kind, after, make))
                if not asked.json:
                    print(f"{kind:10} {rows[-1].seconds:6.2f} s  {rows[-1].ended:14} {'; '.join(rows[-1].wrong)}")
    finally:
        for one in busy_ones:
            one.kill()
            one.wait()
    summary = {
        kind: {"moments": len(of), "median": statistics.median(of), "max": max(of)}
        for kind in KINDS if (of := [row.seconds for row in rows if row.kind == kind])
    }  # fmt: skip
    if asked.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "summary": summary}))
    else:
        for kind, told in summary.items():
            print(f"{kind:10} {told['moments']:3} moments, median {told['median']:.2f} s, most {told['max']:.2f} s")
    sys.exit(any(row.wrong for row in rows))


if __name__ == "__main__":
    main()
