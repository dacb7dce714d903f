"""Functions and whole programs of other people, sped up without any model: ``python benchmarks/functions.py``.

``functions.toml`` names them. Each is taken unmodified from an installed package, put into a living program of its own
and run for ``--minutes-each``; then one row says what became of it, 1.0x and failures included. A ratio is of the whole
workload (start to now, on inputs of the report split, which nothing else used), with its 95% interval; a target that
nothing was adopted for has not changed, so its ratio is 1.

What was adopted is compared once more with the original, on calls that this script makes itself and on hostile variants
of them: results, exceptions, changed arguments, state. A difference is an unsafe adoption; the last column counts
batches of ten calls. As a control, a version that answers every seventh call otherwise must be seen to differ.

A function brings along those top-level statements of its file that it needs, text for text, and nothing else. Needs the
packages of ``pip install -e .[bench]``; what is not installed is named and left out.
"""

from __future__ import annotations

import argparse
import ast
import collections
import importlib.metadata
import json
import math
import os
import platform
import random
import subprocess
import symtable
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof import birth
from selfproof.adopt import repo
from selfproof.jail import Limits, Pool
from selfproof.trial import replay
from selfproof.trial.calls import hard_inputs

VIEWS, CALLS, BATCH = 24, 150, 10
LIST = Path(__file__).with_suffix(".toml")
IMPROVER = '''"""Looks for rewrites of hot functions; whatever it returns is a suggestion."""

from selfproof.operators import edits_for


def propose(view):
    """A view of hot functions -> edits that keep what they do and may make them faster."""
    found = edits_for(view["source"], view["functions"], view["called"])
    return [
        {"files": {view["path"]: edit.source}, "title": edit.title, "operator": edit.operator, "parent": view["parent"]}
        for edit in found[: view["wanted"]]
    ]
'''
RUNNER = '''"""Calls the function on each argument list; what it changed in its arguments is part of the answer."""

import subject


def run(calls):
    return work(calls)


def work(calls):
    return [[{call}, args] for args in calls]
'''
TASK = '''"""Inputs, fresh for each seed."""

import random

from selfproof.trial.task import Workload

{inputs}

class Inputs(Workload):
    def inputs(self, split, seed, n):
        return [make(random.Random(f"{{split}}|{{seed}}|{{number}}")) for number in range(n)]
'''
CHARTER = """# A function of somebody else's, to be made faster; its outputs must stay equal.

[program]
editable = ["{editable}"]
protected = ["improver.py", "run.py"]
max_file_kb = 1024

[[objective]]
name = "speed"
task = "tasks/workload.py:Inputs"
entry = "run.py:run"
files = ["*"]
focus = ["run.py:work"]
metric = "seconds"
better = "lower"
kind = "speed"
min_gain = 0.02

[budget]
minutes = 2.0

[sandbox]
wall_s = 30.0

[proposers]
improver = "improver.py:propose"
"""


class NotThere(Exception):
    """The package or the file is not installed."""


@dataclass(frozen=True)
class Row:
    """What became of one target."""

    name: str
    origin: str
    ratio: float
    interval: tuple[float, float]
    certified: int
    why: str
    kept: tuple[str, ...]
    load: float
    compared: int = 0
    unequal: int = 0
    planted: int = 0

    def __str__(self) -> str:
        """One line for a terminal."""
        bounds = f"[{self.interval[0]:.2f}, {self.interval[1]:.2f}]" if self.certified else ""
        checked = f"  {self.unequal} of {self.compared} differ (planted: {self.planted})" if self.certified else ""
        told = f"{self.name:40} {self.ratio:5.2f}x {bounds:14} {self.certified:2}"
        return f"{told}  load {self.load:4.1f}  {self.why}{checked}"


def package_folder(package: str) -> Path:
    """The folder of an installed import package, without importing it."""
    if package == "python":
        return Path(sysconfig.get_path("stdlib"))
    for entry in map(Path, sys.path):
        if (entry / package / "__init__.py").is_file():
            return entry / package
    raise NotThere(f"{package} is not installed: pip install -e .[bench]")


def version_of(package: str) -> str:
    """The version that is measured."""
    if package == "python":
        return platform.python_version()
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        raise NotThere(f"{package} is not installed: pip install -e .[bench]") from None


def extracted(source: str, function: str) -> str:
    """The top-level statements of a module that a function needs, each as it stands there, in their order.

    Raises:
        NotThere: the module has no such function.
    """
    tree = ast.parse(source)
    binds = [_bound(statement) for statement in tree.body]
    wanted, pending = set(), [function]
    met: set[str] = set()
    while pending:
        name = pending.pop()
        for index, names in enumerate(binds):
            if name in names and index not in wanted:
                wanted.add(index)
                pending += sorted(_read(tree.body[index]) - met)
        met.add(name)
    if not any(getattr(tree.body[index], "name", None) == function for index in wanted):
        raise NotThere(f"it has no function {function}")
    lines = source.splitlines(keepends=True)
    parts = [
        _text(lines, statement) for index, statement in enumerate(tree.body) if index in wanted or _future(statement)
    ]
    return "\n".join(parts)


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds or stores into; an import counts by the names that it gives."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found |= {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
    return found


def _read(statement: ast.stmt) -> set[str]:
    """Global names that a statement reads, the bodies of its functions included."""
    pending = [symtable.symtable(ast.unparse(statement), "a statement", "exec")]
    found = set()
    while pending:
        table = pending.pop()
        top = table.get_type() == "module"
        found |= {one.get_name() for one in table.get_symbols() if one.is_global() or (top and one.is_referenced())}
        pending += table.get_children()
    return found


def _future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _text(lines: list[str], statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return "".join(lines[first - 1 : statement.end_lineno])


def files_of(item: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The program's files by path, and the glob of those that may change.

    Raises:
        NotThere: with what is missing.
    """
    if "function" in item:
        path = package_folder(item["package"]) / item["file"]
        if not path.is_file():
            raise NotThere(f"{item['package']} {version_of(item['package'])} has no {item['file']}")
        call = item.get("call", f"subject.{item['function']}(*args)")
        text = extracted(path.read_text("utf-8"), item["function"])
        return {"subject.py": text, "run.py": RUNNER.format(call=call), "improver.py": IMPROVER}, "subject.py"
    folder = package_folder(item["folder"])
    paths = [folder / name for name in item.get("only", ())] or sorted(folder.rglob("*.py"))
    files = {str(path.relative_to(folder.parent)): path.read_text("utf-8") for path in paths}
    return {**files, "run.py": item["run"].lstrip(), "improver.py": IMPROVER}, f"{item['folder']}/*"


def write(folder: Path, item: Mapping[str, Any]) -> None:
    """Make the living program."""
    files, editable = files_of(item)
    texts = {f"program/{path}": text for path, text in files.items()}
    texts["tasks/workload.py"] = TASK.format(inputs=item["inputs"])
    texts["charter.toml"] = CHARTER.format(editable=editable)
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    birth.begin(folder, None)


def lived(folder: Path, minutes: float) -> Iterator[dict[str, Any]]:
    """The events of one run."""
    words = [sys.executable, "-m", "selfproof", "run", "--minutes", str(minutes), "--json", "--at", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60 * minutes * 3 + 120)
    yield from map(json.loads, done.stdout.splitlines())
    if done.returncode:
        yield {"event": "failed", "message": (done.stderr.strip().splitlines() or ["no message"])[-1]}


def reason(events: list[dict[str, Any]]) -> str:
    """Why nothing (more) was adopted, from the events of a run."""
    failed = next((e["message"] for e in events if e["event"] == "failed"), None)
    if failed:
        return f"the run failed: {failed}"
    outcomes = collections.Counter(e["outcome"] for e in events if e["event"] == "candidate")
    outcomes["screened"] += sum(e["event"] == "screened" for e in events)
    refused = collections.Counter(
        str(e.get("step", "gate")) for e in events if e["event"] == "decision" and e["verdict"] == "refused"
    )
    words = {"slow": "not faster", "invalid": "not equal", "raced": "faster in the race", "screened": "not allowed"}
    told = [f"{n} {words[name]}" for name, n in outcomes.items() if n]
    told += [f"{n} refused ({step})" for step, n in refused.items()]
    return ", ".join(told) or "nothing proposed"


def planted(files: dict[str, str], place: str) -> dict[str, str]:
    """A version that answers every seventh call otherwise: whether a difference would be seen at all."""
    path, name = place.split(":")
    wrong = f"""

_as_it_was, _calls = {name}, 0


def {name}(*given, **named):
    global _calls
    _calls += 1
    answer = _as_it_was(*given, **named)
    return answer if _calls % 7 else [answer]
"""
    return {**files, path: files[path] + wrong}


def compared(item: Mapping[str, Any], before: dict[str, str], after: dict[str, str]) -> tuple[int, int, int]:
    """Batches of fresh and of hostile calls on which the original could be observed, and how many of them differ.

    The third is in how many of them a planted difference was seen: with 0 the comparison is worth nothing.
    """
    scope: dict[str, Any] = {}
    exec(item["inputs"], scope)
    rng = random.Random("compared")
    views = [scope["make"](random.Random(f"compared {number}")) for number in range(VIEWS)]
    place, calls = "run.py:work", [[view] for view in views]
    if "function" in item and "call" not in item:
        place, calls = f"subject.py:{item['function']}", [call for view in views for call in view]
    return differing(place, calls, rng, before, after)


def differing(
    place: str, calls: list[Any], rng: random.Random, before: dict[str, str], after: dict[str, str]
) -> tuple[int, int, int]:
    """The same for calls of one place."""
    calls = rng.sample(calls, min(len(calls), CALLS))
    lists = [*calls, *hard_inputs(calls, rng, CALLS)]
    parts = [lists[i : i + BATCH] for i in range(0, len(lists), BATCH)]
    limits = Limits(wall_s=6.0, cpu_s=6, memory_mb=1024)
    with Pool(2) as pool:
        versions = (before, after, planted(before, place))
        jobs = [replay.observe_job(files, place, part, limits) for part in parts for files in versions]
        outcomes = pool.map(jobs)
    each = zip(outcomes[::3], outcomes[1::3], outcomes[2::3], strict=True)
    seen = [three for three in each if three[0].status == "ok"]
    unequal, found = (sum(replay.differs(three[0], three[i]) is not None for three in seen) for i in (1, 2))
    return len(seen), unequal, found


def measured(item: Mapping[str, Any], minutes: float) -> tuple[Row, list[dict[str, Any]]]:
    """Make, run and sum up one target."""
    origin = f"{item['package']} {version_of(item['package'])}"
    with tempfile.TemporaryDirectory(prefix="functions-") as name:
        write(Path(name), item)
        before = repo.read_files(Path(name) / "program")
        events = list(lived(Path(name), minutes))
        after = repo.read_files(Path(name) / "program")
    load = os.getloadavg()[0]
    row = next((r for e in events if e["event"] == "summary" for r in e["objectives"]), None)
    adopted = [e for e in events if e["event"] == "decision" and e["verdict"] == "adopted"]
    titles = tuple(str(e.get("title", "")) for e in adopted)
    if not row or not adopted:
        return Row(item["name"], origin, 1.0, (1.0, 1.0), 0, reason(events), (), load), events
    low, high = row["ratio"]["interval"]
    value, kept = row["ratio"]["value"], len(adopted)
    checked = compared(item, before, after)
    return Row(item["name"], origin, value, (low, high), kept, reason(events), titles, load, *checked), events


def total(rows: list[Row]) -> str:
    """The last line: how many are certified, and the geometric mean of all ratios, 1.0x included."""
    if not rows:
        return "nothing was measured"
    mean = math.exp(math.fsum(math.log(row.ratio) for row in rows) / len(rows))
    return f"{sum(row.certified > 0 for row in rows)} of {len(rows)} certified, geometric mean {mean:.2f}x"


def main() -> None:
    """Measure, print, and write everything to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of targets; words of a name will do")
    parser.add_argument("--minutes-each", type=float, default=1.0)
    parser.add_argument("--list", action="store_true", help="say what would be run")
    parser.add_argument("--out", type=Path, help="append each row as a line of JSON")
    options = parser.parse_args()
    listed = tomllib.loads(LIST.read_text("utf-8"))
    items = [*listed["function"], *listed["target"]]
    items = [i for i in items if not options.only or any(word in i["name"] for word in options.only)]
    rows: list[Row] = []
    for item in items:
        if options.list:
            print(f"{item['name']:40} {item['package']} {item.get('function', 'whole program')}")
            continue
        try:
            row, _ = measured(item, options.minutes_each)
        except NotThere as missing:
            print(f"{item['name']:40} not measured: {missing}", flush=True)
            continue
        rows.append(row)
        print(row, *(f"\n{'':42}+ {title}" for title in row.kept), sep="", flush=True)
        if options.out:
            with options.out.open("a") as file:
                file.write(json.dumps(row.__dict__) + "\n")
    if not options.list:
        functions = {item["name"] for item in listed["function"]}
        print("functions:", total([row for row in rows if row.name in functions]))
        print("programs: ", total([row for row in rows if row.name not in functions]))


if __name__ == "__main__":
    main()
