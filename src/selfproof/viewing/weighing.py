"""What a person should weigh before they sign: what a change may affect, what it brings in, how much was signed lately.

It describes. Nothing is decided by it; licences and linters are those of the machine that looks.
"""

from __future__ import annotations

import ast
import datetime
import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from selfproof.archive.state import Confirming, State
from selfproof.ledger.clock import utc_now
from selfproof.nouns import Files
from selfproof.oversight import classes, facts
from selfproof.viewing.seen import View

MOST_LINTED = 8
PATIENCE_S = 10


def weighed(seen: View, confirming: Confirming) -> dict[str, Any]:
    """Everything of that for one change; what cannot be told here is None."""
    before, after, approved = classes.trees(seen.state, confirming.body["files"], seen.blob)
    touched = [path for path in sorted(after) if before.get(path) != after.get(path)]
    body, charter = confirming.body, seen.charter
    return {
        "changes": sorted((_change(path, before, after) for path in touched), key=lambda one: -one["lines"]),
        "serves": {"objective": body["objective"],
                   "guards": [g.name for g in charter.guards if g.objective == body["objective"]]},
        "prediction": body.get("prediction"), "proposer": body.get("proposer", ""),
        "imports_added": [licensed(name) for name in classes.imports_added(approved, after, touched)],
        "tests_removed": facts.tests_removed(before, after), "linted": linted(before, after, touched),
        "since_approved": {"version": classes.approved_version(seen.state), "lines": facts.new_lines(approved, after)},
        "signed_lately": signed_lately(seen.state, utc_now()),
    }  # fmt: skip


def _change(path: str, before: Files, after: Files) -> dict[str, Any]:
    old, new = {path: before.get(path, "")}, {path: after.get(path, "")}
    added, removed = facts.new_lines(old, new), facts.new_lines(new, old)
    return {"file": path, "added": added, "removed": removed, "lines": added + removed,
            "functions": functions_changed(old[path], new[path])}  # fmt: skip


def functions_changed(before: str, after: str) -> list[str]:
    """Names of the top-level functions and classes whose code is another."""
    old, new = _functions(before), _functions(after)
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def _functions(text: str) -> dict[str, str]:
    tree = classes.parsed(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name: ast.dump(node) for node in tree.body if isinstance(node, kinds)} if tree is not None else {}


def licensed(name: str) -> dict[str, str | None]:
    """A package that is imported: its version and the name of its licence, as this machine has it; None: not known."""
    if name in sys.stdlib_module_names:
        return {"name": name, "version": "Python's own", "licence": "PSF-2.0"}
    found = importlib.metadata.packages_distributions().get(name)
    if not found:
        return {"name": name, "version": None, "licence": None}
    told: Any = importlib.metadata.metadata(found[0])
    words = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or () if line.startswith("License ::")]
    licence = told.get("License-Expression") or "; ".join(words) or (told.get("License") or "").split("\n")[0][:80]
    return {"name": name, "version": told["Version"], "licence": licence or None}


def linted(before: Files, after: Files, touched: list[str]) -> list[str] | None:
    """What ruff's rules on security (S) say of the new texts and did not say of the old ones; None without ruff."""
    beside = Path(sys.executable).with_name("ruff")
    ruff = str(beside) if beside.exists() else shutil.which("ruff")
    if ruff is None:
        return None
    found: list[str] = []
    for path in [path for path in touched if path.endswith(".py")][:MOST_LINTED]:
        known = Counter(code for code, _ in _said(ruff, before.get(path, "")))
        for code, words in _said(ruff, after[path]):
            if known[code] > 0:
                known[code] -= 1
            else:
                found.append(f"{path}: {code} {words}")
    return found


def _said(ruff: str, text: str) -> list[tuple[str, str]]:
    words = [ruff, "check", "--isolated", "--select", "S", "--output-format", "json", "--stdin-filename", "a.py", "-"]
    try:
        done = subprocess.run(words, input=text.encode(), capture_output=True, timeout=PATIENCE_S, check=False)
        rows = json.loads(done.stdout or b"[]")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []
    return [(row["code"] or "syntax", f"line {row['location']['row']}: {row['message']}") for row in rows]


def signed_lately(state: State, now: datetime.datetime) -> dict[str, int]:
    """How many changes each approver agreed to in the 24 hours before: who signs a lot, reads little."""
    day = now - datetime.timedelta(days=1)
    given = [(one["by"], c.id) for c in state.confirmations.values() for one in c.approvals
             if one["decision"] == "approve" and datetime.datetime.fromisoformat(one["at"]) > day]  # fmt: skip
    return dict(Counter(by for by, _ in sorted(set(given))))
