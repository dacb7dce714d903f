"""Random kills for half an hour: ``make chaos``, or ``python benchmarks/chaos.py [--minutes 30] [--seed N] [--json]``.

A small real program lives in a scratch folder and is run again and again; meanwhile its engine, jailed workers, signer
and stop watcher are killed or frozen at random moments, its archive is deleted, Ctrl-C is pressed. Each of its edits
is valid, so that any candidate said to have failed was charged for a fault that was not its own. After every run,
however it ended, the ledger is compared with everything seen before. The last run is left alone. Prints a table of what
was done and what held; exit code 0 if all of it did, 4 if not. Further words are given to each ``selfproof run``.

What is killed inside a jail is not touched: that a candidate's own process dies is the candidate's affair.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfproof.ledger import Leaf, read
from selfproof.ledger.frames import open_log, scan
from selfproof.ledger.merkle import Tree, leaf_hash

WAIT_S = (0.2, 6.0)
"""Between two faults of one run, in seconds."""
FROZEN_S = (0.2, 3.0)
RUN_MINUTES = 0.5
LAST_MINUTES = 0.4

CHARTER = """[program]
editable = ["answer.py"]
tree_growth = 100

[[objective]]
name = "guess"
task = "tasks/numbers.py:Guess"
entry = "answer.py:solve"
files = ["answer.py"]
metric = "error"
better = "lower"
kind = "quality"
margin = 0.05
max_cost = 1000

[certify]
controls = 0

[experience]
keep = false

[autonomy]
level = "autonomous"

[budget]
minutes = 60
adoptions_per_day = 10000

"""
IMPROVER = '''"""Suggests other levels, all of them valid: most a little better, some a little worse."""

import random
import re


def propose(view):
    rng, path = random.Random(view["seed"]), view["path"]
    found = []
    for _ in range(view["wanted"]):
        parent = rng.choice(view["parents"][:3])
        level = float(re.search(r"LEVEL = ([0-9.]+)", parent["source"])[1])
        new = min(0.99, max(0.01, level + rng.uniform(-0.03, 0.05) * (1 - level)))
        text = re.sub(r"LEVEL = [0-9.]+", f"LEVEL = {new:.9f}", parent["source"])
        edit = {"files": {path: text}, "title": f"level {new:.4f}", "operator": "edit", "parent": parent["id"]}
        found.append(edit)
    return found
'''
ANSWER = '''"""Numbers answered with themselves, more or less."""

LEVEL = 0.1


def solve(numbers):
    return [LEVEL * number for number in numbers]
'''
TASK = '''"""The truth is the number itself, so that a version's true error follows from its text."""

import random

from selfproof.tasks import InvalidAnswer, Sample, Task

DRAWS = 24


class Guess(Task):
    """Answer each number with itself."""

    metric, better, span = "error", "lower", 1.0

    def samples(self, split, seed, n):
        rng = random.Random(f"{split}|{seed}")
        return [Sample([rng.uniform(0.2, 1.0) for _ in range(DRAWS)]) for _ in range(n)]

    def draws(self, sample, answer):
        if not isinstance(answer, list) or len(answer) != DRAWS or not all(isinstance(a, float) for a in answer):
            raise InvalidAnswer("a list of floats, please")
        return [min(1.0, abs(given - truth)) for given, truth in zip(answer, sample.value, strict=True)]
'''


def make(folder: Path) -> None:
    """The living program of this benchmark."""
    for path, text in {
        "charter.toml": CHARTER, "tasks/numbers.py": TASK, "program/answer.py": ANSWER, "program/improver.py": IMPROVER,
    }.items():  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


# -- what is done to it ------------------------------------------------------------------------------------------


def children(pid: int) -> list[int]:
    """Direct children of a process, now."""
    found: list[int] = []
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in place.read_text().split()]
    return found


def kind_of(pid: int) -> str:
    """What an engine's child is: watcher, signer or worker."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
        if "watcher.py" in words:
            return "watcher"
        return "signer" if "signer" in words else "worker"
    return "gone"


def _kill(what: str) -> Callable[[int, random.Random, Path], bool]:
    def fault(engine: int, rng: random.Random, folder: Path) -> bool:
        del folder
        known = [engine] if what == "engine" else [pid for pid in children(engine) if kind_of(pid) == what]
        if not known:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(known), signal.SIGKILL)
            return True
        return False

    return fault


def _freeze(engine: int, rng: random.Random, folder: Path) -> bool:
    del folder
    with contextlib.suppress(ProcessLookupError):
        os.kill(engine, signal.SIGSTOP)
        time.sleep(rng.uniform(*FROZEN_S))
        os.kill(engine, signal.SIGCONT)
        return True
    return False


def _interrupt(engine: int, rng: random.Random, folder: Path) -> bool:
    del folder
    with contextlib.suppress(ProcessLookupError):
        os.kill(engine, rng.choice([signal.SIGINT, signal.SIGTERM]))
        return True
    return False


def _without_archive(engine: int, rng: random.Random, folder: Path) -> bool:
    del rng
    with contextlib.suppress(ProcessLookupError):
        os.kill(engine, signal.SIGKILL)
    for place in (folder / ".selfproof").glob("archive.db*"):
        place.unlink(missing_ok=True)
    return True


FAULTS: dict[str, tuple[float, Callable[[int, random.Random, Path], bool]]] = {
    "engine killed": (3.0, _kill("engine")),
    "worker killed": (6.0, _kill("worker")),
    "signer killed": (3.0, _kill("signer")),
    "watcher killed": (1.0, _kill("watcher")),
    "engine frozen": (2.0, _freeze),
    "Ctrl-C or SIGTERM": (1.0, _interrupt),
    "archive deleted": (0.5, _without_archive),
}
"""Name: how often (relative), and what is done; False if there was nothing to do it to."""


# -- what must hold ----------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """Everything that was seen of one program's life, and what did not hold."""

    folder: Path
    size: int = 0
    root: bytes = b""
    told: set[int] = field(default_factory=set)
    """Versions whose adoption a run has told of."""
    faults: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    runs: int = 0

    def check(self) -> None:
        """Compare the ledger with all that was seen before; append what is wrong to ``faults``."""
        place = self.folder / ".selfproof" / "ledger"
        if not (place / "log").exists():
            if self.size:
                self.faults.append("the ledger is gone")
            return
        self._is_longer(place)
        leaves = list(read(place).leaves())
        for fault in (*lost(leaves, self.told), *twice(leaves), *charged(leaves, self._blob)):
            self.faults.append(fault)
        done = command("verify", "--json", "--at", self.folder)
        if done.returncode or not json.loads(done.stdout)["ok"]:
            self.faults.append(f"verify: {done.stdout.strip()[-300:]} {done.stderr.strip()[-300:]}")

    def _is_longer(self, place: Path) -> None:
        tree, before = Tree(), b"" if self.size else self.root
        with open_log(place) as file:
            for frame in scan(file):
                tree = tree.append(leaf_hash(frame.raw))
                if tree.size == self.size:
                    before = tree.root
        if before != self.root:
            self.faults.append(f"the first {self.size} entries are not what they were")
        self.size, self.root = tree.size, tree.root

    def _blob(self, digest: str) -> bytes:
        return read(self.folder / ".selfproof" / "ledger").get_blob(digest)


def lost(leaves: list[Leaf], told: set[int]) -> Iterator[str]:
    """Adoptions that a run has told of and that no entry holds."""
    known = {leaf.body["version"] for leaf in leaves if leaf.kind == "adopt"}
    for version in sorted(told - known):
        yield f"the adoption of version {version} is lost"


def twice(leaves: list[Leaf]) -> Iterator[str]:
    """Versions that are not counted up one by one, trees adopted twice, and seeds used twice."""
    numbers = [leaf.body["version"] for leaf in leaves if leaf.kind == "adopt"]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"versions are {numbers}"
    trees = Counter(leaf.body["tree"] for leaf in leaves if leaf.kind == "adopt")
    yield from (f"tree {tree[:12]} was adopted {n} times" for tree, n in trees.items() if n > 1)
    confirmed = Counter((leaf.body["counter"], leaf.body["k"]) for leaf in leaves if leaf.kind == "confirm-start")
    yield from (f"level {key} was spent {n} times" for key, n in confirmed.items() if n > 1)


def charged(leaves: list[Leaf], blob: Callable[[str], bytes]) -> Iterator[str]:
    """Candidates that were said to have failed: all of them are valid."""
    for leaf in leaves:
        if leaf.kind == "race":
            rows = leaf.body["results"]
            rows = json.loads(blob(rows["$blob"])) if isinstance(rows, dict) else rows
            for row in rows:
                if row["outcome"] not in {"raced", "worse", "equal"}:
                    yield f"entry {leaf.index}: candidate {row['id'][:12]} is said to be {row['outcome']}"
        elif leaf.kind == "verdict" and leaf.body["answer"] == "refused" and "fail" in str(leaf.body["reason"]):
            yield f"entry {leaf.index}: {leaf.body['reason']}"


def command(*words: object) -> subprocess.CompletedProcess[str]:
    """One command of selfproof's, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "selfproof", *map(str, words)], capture_output=True, text=True, check=False
    )


# -- one run after the other -------------------------------------------------------------------------------------


def run(seen: Seen, rng: random.Random, until: float, words: list[str], *, left_alone: bool = False) -> None:
    """One run with faults until it ends or the time is over; then the check."""
    minutes = str(LAST_MINUTES if left_alone else RUN_MINUTES)
    engine = subprocess.Popen(
        [sys.executable, "-m", "selfproof", "run", "--minutes", minutes, "--json", "--at", str(seen.folder), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    errors: list[str] = []
    readers = [threading.Thread(target=_told, args=(engine.stdout, seen)),
               threading.Thread(target=lambda: errors.append(engine.stderr.read()))]  # fmt: skip
    for reader in readers:
        reader.start()
    struck = ""
    while engine.poll() is None:
        if left_alone or time.monotonic() > until:
            engine.wait()
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            engine.wait(rng.uniform(*WAIT_S))
            break
        name = rng.choices(list(FAULTS), [weight for weight, _ in FAULTS.values()])[0]
        if FAULTS[name][1](engine.pid, rng, seen.folder):
            seen.done[name] += 1
            struck = name
    for reader in readers:
        reader.join()
    seen.runs += 1
    seen.codes[str(engine.returncode)] += 1
    if "Traceback" in errors[0]:
        seen.faults.append(f"after {struck or 'nothing'}: {errors[0].strip()[-400:]}")
    seen.check()


def _told(stream: Any, seen: Seen) -> None:
    for line in stream:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event.get("event") == "decision" and event.get("verdict") == "adopted":
                seen.told.add(event["version"])


def main() -> None:
    """Let it happen, and print what held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=None, help="of the faults' moments; drawn where it is not given")
    parser.add_argument("--at", type=Path, default=None, help="where the program lives; a folder of its own otherwise")
    parser.add_argument("--json", action="store_true")
    options, words = parser.parse_known_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    with contextlib.ExitStack() as stack:
        folder = options.at or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "program"
        make(folder)
        seen, rng = Seen(folder), random.Random(seed)
        until = time.monotonic() + 60 * options.minutes
        while time.monotonic() < until and not seen.faults:
            run(seen, rng, until, words)
            if sys.stderr.isatty():
                print(
                    f"\r{seen.runs} runs, {sum(seen.done.values())} faults, {len(seen.told)} adoptions",
                    end="",
                    file=sys.stderr,
                )
        run(seen, rng, until, words, left_alone=True)
        told = report(seen, seed)
    print(json.dumps(told) if options.json else in_words(told))
    sys.exit(4 if seen.faults else 0)


def report(seen: Seen, seed: int) -> dict[str, Any]:
    """What was done and what held."""
    leaves = list(read(seen.folder / ".selfproof" / "ledger").leaves())
    adopted = [leaf for leaf in leaves if leaf.kind == "adopt"]
    commits = subprocess.run(
        ["git", "-C", seen.folder / "program", "rev-list", "--count", "HEAD"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if int(commits) != len(adopted) + 1:
        seen.faults.append(f"{commits} commits for {len(adopted)} adoptions and a start")
    return {
        "seed": seed, "runs": seen.runs, "exit_codes": dict(seen.codes), "faults_done": dict(seen.done),
        "entries": len(leaves), "adopted": len(adopted), "told_of": len(seen.told),
        "candidates": sum(leaf.kind == "race" for leaf in leaves), "wrong": seen.faults,
    }  # fmt: skip


def in_words(told: dict[str, Any]) -> str:
    """The table."""
    rows = [f"{n:>6}  {name}" for name, n in sorted(told["faults_done"].items(), key=lambda item: -item[1])]
    codes = ", ".join(f"{n} with {code}" for code, n in sorted(told["exit_codes"].items()))
    return "\n".join([
        f"seed {told['seed']}: {told['runs']} runs ended ({codes}), {sum(told['faults_done'].values())} faults:", *rows,
        f"ledger: {told['entries']} entries, {told['adopted']} adoptions, of which runs had told of {told['told_of']}",
        *(told["wrong"] or ["nothing lost, nothing adopted twice, nobody charged wrongly, every ledger verified"]),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
