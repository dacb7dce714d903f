"""The facts that policy rules ask for, of one change, from the state and the files alone; `audit` computes them anew.

Does not protect against: facts of which a person expects more than their names say (a line is a line of text).
"""

from __future__ import annotations

import ast
import datetime
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from selfproof.archive.state import State
from selfproof.charter import Charter
from selfproof.nouns import Files
from selfproof.oversight import classes

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.IfExp, ast.BoolOp, ast.comprehension,
            ast.match_case, ast.With, ast.AsyncWith, ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef)  # fmt: skip
_TEST = re.compile(r"(^|/)(tests?/.*|test_[^/]*|[^/]*_test|conftest)\.py$")


@dataclass(frozen=True)
class Change:
    """Files before and after a change, those that people signed last, and what it is called."""

    before: Files
    after: Files
    approved: Files
    objective: str
    kind: str
    proposer: str
    operator: str


def of_change(state: State, charter: Charter, change: Change, at: str, *, besides: int | None = None) -> dict[str, Any]:
    """Everything that is known of a change before it is run; ``at`` is the time that counts, ``besides`` its id."""
    before, after, approved = change.before, change.after, change.approved
    touched = [path for path in {*before, *after} if before.get(path) != after.get(path)]
    moment = datetime.datetime.fromisoformat(at)
    day = moment - datetime.timedelta(days=1)
    recent = [v for v in state.versions[1:] if datetime.datetime.fromisoformat(v.time) > day]
    return {
        "objective": change.objective, "kind": change.kind, "proposer": change.proposer, "operator": change.operator,
        "classes": list(classes.of_edit(before, after, approved, charter)), "files": len(touched),
        "lines_added": new_lines(before, after), "lines_removed": new_lines(after, before),
        "lines_from_approved": new_lines(approved, after), "size": classes.size_of(after),
        "growth": classes.size_of(after) / max(1, classes.size_of(approved)) - 1,
        "imports_added": len(classes.imports_added(approved, after, after)),
        "branches_added": branches_in(after) - branches_in(before), "tests_removed": len(tests_removed(before, after)),
        "version": state.current, "adoptions_today": len(recent),
        "waiting": sum(one.id != besides for one in state.waiting), "hour": moment.astimezone(datetime.UTC).hour,
    }  # fmt: skip


def of_confirmation(pairs: int, losses: int, effect: Mapping[str, Any], trials: int) -> dict[str, Any]:
    """What a confirmation adds to them; an effect that has no value is left out, which denies."""
    found = {"pairs": pairs, "losses": losses, "trials": trials}
    return {**found, "effect": effect["value"]} if "value" in effect else found


def new_lines(before: Files, after: Files) -> int:
    """Lines of ``after`` that ``before`` has not, each counted as often as it is there more often."""
    return sum((_lines(after) - _lines(before)).values())


def _lines(files: Files) -> Counter[str]:
    return Counter(line for text in files.values() for line in text.splitlines())


def branches_in(files: Files) -> int:
    """Loops, conditions, handlers, functions and the like in all Python files."""
    return sum(_branches(text) for path, text in files.items() if path.endswith(".py"))


@lru_cache(maxsize=256)
def _branches(text: str) -> int:
    tree = classes.parsed(text)
    return sum(isinstance(node, BRANCHES) for node in ast.walk(tree)) if tree is not None else 0


def tests_removed(before: Files, after: Files) -> list[str]:
    """Test functions that files of tests have no more, as FILE:name."""
    return sorted(_tests(before) - _tests(after))


def _tests(files: Files) -> set[str]:
    return {f"{path}:{name}" for path, text in files.items() if _TEST.search(path) for name in _test_names(text)}


def _test_names(text: str) -> Iterable[str]:
    tree = classes.parsed(text)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    named = (node.name for node in ast.walk(tree) if isinstance(node, functions)) if tree is not None else ()
    return [name for name in named if name.startswith("test")]
