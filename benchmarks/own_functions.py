"""selfproof's own hot functions, sped up without any model: ``python benchmarks/own_functions.py``.

A profile of a real run of an apprentice names them (``selfproof run --target self``); each is an objective of one
living program, which then runs for ``--minutes``. Every ratio is printed, 1.0x and failures included: start to now of a
function's workload on inputs of the report split, with its 95% interval; where nothing was adopted both are the same
text, so that the interval shows the clock's noise alone.

What was adopted is compared once more with the original, as ``functions.py`` does it: on recorded calls and hostile
variants that this script makes with seeds of its own. With ``--planted`` the comparison is tried on the functions
that nothing was adopted for too, with a version that answers every seventh call otherwise.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from functions import Row as Found
from functions import differing, reason, total

from selfproof import charter as charters
from selfproof import own
from selfproof.adopt import repo


def calls_of(folder: Path, task: str) -> list[Any]:
    """The recorded calls of an objective: plain data, in a file that selfproof wrote."""
    path = folder / task.partition(":")[0].replace("workload", "calls")
    spec = importlib.util.spec_from_file_location("recorded", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [list(call) for call in (*module.CALLS, *module.LONGER)]


def lived(folder: Path, minutes: float, functions: Sequence[str]) -> list[dict[str, Any]]:
    """The events of one run; the program is made first."""
    if functions:
        print("\n".join(own.make(folder, own.Options(tuple(functions))).told), file=sys.stderr)
    words = [sys.executable, "-m", "selfproof", "run", "--target", "self", "--minutes", str(minutes), "--json"]
    done = subprocess.run([*words, "--at", str(folder)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the run failed with exit code {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows_of(folder: Path, before: dict[str, str], events: list[dict[str, Any]], planted: bool) -> list[Found]:
    """One row an objective."""
    after, charter, found = repo.read_files(folder / "program"), charters.load(folder / "charter.toml"), []
    measured = {row["name"]: row for event in events if event["event"] == "summary" for row in event["objectives"]}
    for objective in charter.objectives:
        own = [event for event in events if event.get("objective") == objective.name]
        adopted = [e for e in own if e["event"] == "decision" and e["verdict"] == "adopted"]
        changed = any(before[path] != after[path] for path in objective.files)
        ratio = measured[objective.name]["ratio"]
        checked = (0, 0, 0)
        if changed or planted:
            place = objective.focus[0]
            rng = random.Random(f"own {objective.name}")
            parts = [{path: files[path] for path in objective.files} for files in (before, after)]
            checked = differing(place, calls_of(folder, objective.task), rng, *parts)
        found.append(
            Found(objective.name, objective.focus[0], ratio["value"], tuple(ratio["interval"]), len(adopted),
                  reason(own), tuple(str(e["title"]) for e in adopted), os.getloadavg()[0], *checked)
        )  # fmt: skip
    return found


def main() -> None:
    """Make, run, print, and write everything to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--functions", nargs="*", default=[], help="those that an earlier profile named: no new one")
    parser.add_argument("--out", type=Path, help="write the events, a line of JSON each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="own-functions-") as name:
        folder = Path(name) / "self"
        events = lived(folder, options.minutes, options.functions)
        if options.out:
            options.out.write_text("".join(json.dumps(event) + "\n" for event in events))
        done = subprocess.run(
            [sys.executable, "-m", "selfproof", "export", "--at", str(folder)],
            capture_output=True,
            text=True,
            check=True,
        )
        ran = subprocess.run(["git", "-C", str(folder / "program"), "rev-list", "--max-parents=0", "HEAD"],
                             capture_output=True, text=True, check=True)  # fmt: skip
        before = texts_at(folder / "program", ran.stdout.strip())
        rows = rows_of(folder, before, events, options.planted)
    for row in rows:
        bounds = f"[{row.interval[0]:.2f}, {row.interval[1]:.2f}]"
        checked = f"  {row.unequal} of {row.compared} differ (planted: {row.planted})" if row.compared else ""
        print(
            f"{row.name:32} {row.ratio:5.2f}x {bounds:14} {row.certified:2}  load {row.load:4.1f}  {row.why}{checked}"
        )
    print(total(rows))
    print(done.stdout or "no patch")


def texts_at(program: Path, commit: str) -> dict[str, str]:
    """All files of a commit."""
    show = ["git", "-C", str(program)]
    names = subprocess.run([*show, "ls-tree", "-r", "--name-only", commit], capture_output=True, text=True, check=True)
    return {
        path: subprocess.run([*show, "show", f"{commit}:{path}"], capture_output=True, text=True, check=True).stdout
        for path in names.stdout.splitlines()
    }


if __name__ == "__main__":
    main()
