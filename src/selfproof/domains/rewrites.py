"""Which functions an edit rewrites, and that it changes nothing else."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from selfproof.certify.scale import robust_t
from selfproof.nouns import Candidate, Files

SURE = 5.0


@dataclass(frozen=True)
class Fuzz:
    """How many hostile inputs, what they may weigh in bytes and take in seconds; at least ``least`` in any case."""

    most: int
    bytes: int
    seconds: float
    least: int


IN_RACE = Fuzz(60, 200_000, 0.5, 4)
BEFORE_ADOPTION = Fuzz(240, 1_500_000, 6.0, 24)


@dataclass(frozen=True)
class Raced:
    """A rewrite that behaves the same, with its log-ratios on the explore inputs and the share of time it saves."""

    candidate: Candidate
    form: str
    place: str
    differences: tuple[float, ...]
    saved: float

    @property
    def promise(self) -> float:
        """What it saves, less if the race leaves room for doubt: a confirmation would take many pairs."""
        return self.saved * min(1.0, (robust_t(self.differences) / SURE) ** 2)


def changed_functions(before: Files, after: Files) -> dict[str, str]:
    """Functions of ``before`` whose code differs: place -> what the change is, whatever else the files hold.

    Everything else must stay: other statements equal and in their order, no name bound anew but new private helpers
    (functions and constants). A file for which that does not hold counts as changed in two places, so nobody takes it.
    """
    changed: dict[str, str] = {}
    for path, text in after.items():
        old, new = _statements(before.get(path, "")), _statements(text)
        if old is None or new is None or not _rest_stays(old, new):
            return {f"{path}:?": "", f"{path}:??": ""}
        for name, code in old.items():
            if code != new[name]:
                changed[f"{path}:{name}"] = f"{path}:{name}:{code}->{new[name]}"
    return changed


def _rest_stays(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    functions = {name for name, code in old.items() if code.startswith("FunctionDef")}
    kept = [name for name in new if name in old]
    added = [name for name in new if name not in old]
    return (
        kept == list(old)
        and all(new[name] == old[name] or name in functions for name in kept)
        and all(new[name].startswith("FunctionDef") for name in functions)
        and all(name.isidentifier() and name.startswith("_") and not name.startswith("__") for name in added)
    )


def _statements(source: str) -> dict[str, str] | None:
    """Top-level statements by the one name that each binds (by its own code if it binds none); None if unclear."""
    found: dict[str, str] = {}
    try:
        for node in ast.parse(source).body:
            name = code = ast.dump(node)
            if isinstance(node, ast.FunctionDef):
                name = node.name
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
            if name in found:
                return None
            found[name] = code
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found
