"""The way back: the program as it is now, laid out as another tool would have left its best one.

Scores in these files are what the program's last confirmation measured, on pairs that the search never saw (or on all
there is); a program without one has none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from selfproof.archive.evidence import unpack
from selfproof.archive.state import State
from selfproof.archive.tree import matches
from selfproof.charter import Charter
from selfproof.nouns import Files, SelfproofError, UsageError

KINDS = ("openevolve", "shinka", "gepa")
RECORD = "imported.json"
_LANGUAGES = {".py": "python", ".rs": "rust", ".cpp": "cpp", ".jl": "julia", ".go": "go", ".js": "javascript"}


@dataclass(frozen=True)
class Best:
    """The program as it is now: its editable files, what its last confirmation measured, how it was imported."""

    files: Files
    metric: str
    score: float | None
    version: int
    tree: str
    parent: str
    time: str
    record: Mapping[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """What was measured, by its name."""
        return {} if self.score is None else {self.metric: self.score}


def best(folder: Path, charter: Charter, state: State, files: Files, blob: Callable[[str], bytes]) -> Best:
    """What is to be exported of a program; ``files`` are those of its newest version.

    Raises:
        UsageError: nothing in it may change, or what is noted about its import cannot be read.
    """
    program = charter.program
    own = {p: text for p, text in files.items() if matches(p, program.editable) and not matches(p, program.protected)}
    if not own:
        raise UsageError("this program has no file that an edit may change")
    now = state.now
    objective = now.objective or charter.objectives[0].name
    found = [c for c in state.confirmations.values() if c.version == now.number and c.verdict is not None]
    score = None
    if found:
        rows = [row for digest in found[-1].evidence for row in unpack(blob(digest))[1]]
        draws = [draw for row in rows for draw in row[len(row) // 2 :]]
        score = math.fsum(draws) / len(draws) if draws and charter.objective(objective).kind == "quality" else None
    parent = state.versions[now.number - 1].tree if now.number else ""
    return Best(own, charter.objective(objective).metric, score, now.number, now.tree, parent, now.time, record(folder))


def record(folder: Path) -> dict[str, Any]:
    """What was noted when a task was imported; {} for a program that was made in another way.

    Raises:
        UsageError: the file is there and cannot be read.
    """
    path = folder / RECORD
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    return found if isinstance(found, dict) else {}


def written(kind: str, folder: Path, made: Best) -> list[Path]:
    """Lay the program out below ``folder``; nothing that is there is overwritten. Returns the files.

    Raises:
        UsageError: it does not fit the tool, or a file is there already.
        SelfproofError: the folder cannot be written.
    """
    texts = {"openevolve": openevolve, "shinka": shinka, "gepa": gepa}[kind](made)
    paths = {folder / name: text for name, text in texts.items()}
    if taken := [path for path in paths if path.exists()]:
        raise UsageError(f"{taken[0]} is there already", advice="Name a folder that is new.")
    try:
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SelfproofError(f"cannot write to {folder}: {error.strerror or error}") from None
    return list(paths)


def openevolve(made: Best) -> dict[str, str]:
    """best/best_program.EXT and best_program_info.json.

    Raises:
        UsageError: more than one file may change, and OpenEvolve's programs are one.
    """
    text, suffix = _only(made, "OpenEvolve")
    info = {
        "id": made.tree, "generation": made.version, "iteration": made.version, "timestamp": made.time,
        "parent_id": made.parent or None, "metrics": made.metrics, "language": _LANGUAGES.get(suffix, "text"),
        "saved_at": made.time,
    }  # fmt: skip
    return {f"best/best_program{suffix}": text, "best/best_program_info.json": _json(info)}


def shinka(made: Best) -> dict[str, str]:
    """best/main.EXT with results/metrics.json and correct.json.

    Raises:
        UsageError: more than one file may change, and ShinkaEvolve's programs are one.
    """
    text, suffix = _only(made, "ShinkaEvolve")
    metrics = {"combined_score": made.score, "public": made.metrics, "private": {}}
    return {
        f"best/main{suffix}": text, "best/results/metrics.json": _json(metrics),
        "best/results/correct.json": _json({"correct": True, "error": None}),
    }  # fmt: skip


def gepa(made: Best) -> dict[str, str]:
    """best_candidate.json: a text, or a dict of components as it was imported; best_candidate.txt if it is one text."""
    names: Mapping[str, str] = made.record.get("components") or {}
    inside = {path: name for name, path in names.items()}
    parts = {inside.get(path, path): text for path, text in made.files.items()}
    if made.record.get("text") and len(parts) == 1:
        (text,) = parts.values()
        return {"best_candidate.json": _json(text), "best_candidate.txt": text}
    return {"best_candidate.json": _json(parts)}


def _only(made: Best, tool: str) -> tuple[str, str]:
    """The one file that may change, and its ending."""
    if len(made.files) != 1:
        raise UsageError(
            f"{tool} keeps a program in one file, and here {len(made.files)} may change: {', '.join(made.files)}",
            advice="`selfproof export` gives the change as a patch.",
        )
    ((path, text),) = made.files.items()
    return text, PurePosixPath(path).suffix


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
