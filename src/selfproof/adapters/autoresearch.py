"""autoresearch folders: train.py may change, prepare.py may not, program.md tells how; val_bpb is printed.

It becomes what ``selfproof init --command "python train.py" --metric val_bpb`` makes of a folder, with program.md
passed on to models and agents. The script measures and prints its own metric, so the objective is joint.
"""

from __future__ import annotations

import ast
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from selfproof.adapters import folders
from selfproof.adapters.base import NotUnderstood, Told
from selfproof.grants import SCRATCH
from selfproof.projects import command, runs, writing
from selfproof.projects.writing import Draft, Made

SCRIPT, FIXED, WORDS = "train.py", "prepare.py", "program.md"
METRIC = "val_bpb"
TEXT = ("*.py", "*.md", "*.toml", "*.json", "*.txt", "*.yaml", "*.yml", "*.cfg")
STARTING_S = 120.0  # beside the time that training is given: loading, compiling, the evaluation
_PRINTED = re.compile(r"""print\(\s*f?["'](?:\\n)?(\w+):\s*\{""")
_NO_METRIC = frozenset({"training_seconds", "total_seconds", "peak_vram_mb", "num_steps", "num_params_M", "depth"})


@dataclass(frozen=True)
class Found:
    """What a folder says: its metric and direction, seconds that training takes (0: not said), folders it reads."""

    metric: str
    better: str
    budget_s: float
    data: tuple[str, ...]
    gpu: bool
    told: tuple[str, ...]


def looks_like(path: Path) -> bool:
    """Whether a folder is one of autoresearch."""
    return path.is_dir() and (path / SCRIPT).is_file() and (path / FIXED).is_file()


def read(path: Path, metric: str = "", better: str = "") -> Found:
    """Understand a folder; ``metric`` and ``better`` override what it says.

    Raises:
        NotUnderstood: a file is missing, or train.py prints no metric.
    """
    script, fixed = folders.text_of(path / SCRIPT), folders.text_of(path / FIXED)
    printed = [name for name in _PRINTED.findall(script + fixed) if name not in _NO_METRIC]
    chosen = metric or (METRIC if METRIC in script + fixed else next(iter(printed), ""))
    if not chosen:
        raise NotUnderstood(f"{path / SCRIPT} prints no `{METRIC}: value`", advice="Say which: --metric NAME --lower")
    budget = max(_seconds(fixed), _seconds(script))
    told = [f"{SCRIPT} may change, {FIXED} and the rest may not; {chosen} is read from what it prints"]
    if budget:
        told.append(f"TIME_BUDGET {budget:g} s: a run may take {runs.time_told(_limit(budget))}")
    data, missing = _data(script + "\n" + fixed)
    told += [f"may read {folder}" for folder in data]
    told += [f"{folder} is not there: if training needs it, run {FIXED} first" for folder in missing]
    gpu = "cuda" in script and any(Path("/dev").glob("nvidia[0-9]*"))
    if gpu:
        told.append("it asks for CUDA: the GPU is granted, and runs go one at a time")
    if (path / WORDS).is_file():
        told.append(f"{WORDS} is passed on to models and agents")
    return Found(chosen, better, budget, tuple(data), gpu, tuple(told))


def write(path: Path, folder: Path, found: Found, seed: int | None, minutes_each: float, tell: Told) -> Made:
    """Run train.py twice, then write the living program.

    Raises:
        UsageError: the folder is taken, or does not fit.
        SelfproofError: train.py gives no metric in the jail.
    """
    writing.check_free(folder)
    for line in found.told:
        tell(line)
    limit = minutes_each or _limit(found.budget_s) / 60 * bool(found.budget_s)
    allow = [f"data:{one}" for one in found.data] + ["gpu"] * found.gpu
    options = command.Options(
        f"python {SCRIPT}", found.metric, found.better, files=TEXT, edit=(SCRIPT,), allow=tuple(allow),
        minutes_each=limit, seed=seed,
    )  # fmt: skip
    plan = _at_home(command.planned(path.resolve(), folder, options), found)
    with tempfile.TemporaryDirectory(prefix="selfproof-import-") as scratch:
        seen = runs.baseline(Path(scratch), _guided(path, plan), tell)
    draft = _guided(path, command.sized(plan, seen))
    told = [*found.told, plan.told[0], *seen.told(), *plan.told[1:]]
    for line in told[len(found.told) :]:
        tell(line)
    return Made(writing.write(folder, draft, seed), folder, told)


def _guided(path: Path, plan: command.Plan) -> Draft:
    """The command form's draft with program.md beside the charter, not in the program."""
    draft = command.drafted(path.resolve(), plan)
    words = path / WORDS
    if words.is_file():
        draft.files[WORDS] = folders.text_of(words)
        draft.files.pop(f"program/{WORDS}", None)
        charter = draft.files["charter.toml"]
        lines = [line for line in charter.splitlines() if not line.startswith("guidance = ")]
        lines.insert(lines.index("[proposers]") + 1, f'guidance = "{WORDS}"')
        draft.files["charter.toml"] = "\n".join(lines) + "\n"
    return draft


def _at_home(plan: command.Plan, found: Found) -> command.Plan:
    """With the user's own home folder in the environment, where the data lies below it."""
    if not any(Path(one).is_relative_to(Path.home()) for one in found.data):
        return plan
    environment: dict[str, Any] = {
        **plan.settings["ENVIRONMENT"],
        "HOME": str(Path.home()),
        "XDG_CACHE_HOME": SCRATCH,
    }
    return replace(plan, settings={**plan.settings, "ENVIRONMENT": environment})


def _limit(budget_s: float) -> float:
    return 2 * budget_s + STARTING_S


def _seconds(text: str) -> float:
    """The value of TIME_BUDGET, 0.0 without one."""
    for node in _nodes(text):
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "TIME_BUDGET" for t in node.targets
        ):
            value = _number(node.value)
            if value is not None and 0 < value < 1e6:
                return value
    return 0.0


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _number(node.left), _number(node.right)
        return None if left is None or right is None else left * right
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None


def _data(text: str) -> tuple[list[str], list[str]]:
    """Folders below the home folder that the files name: those that are there, those that are not."""
    there: list[str] = []
    missing: list[str] = []
    for node in _nodes(text):
        if isinstance(node, ast.Assign) and "expanduser" in (whole := ast.unparse(node.value)):
            parts = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            inside = [part for part in parts if part not in ("~", "~/")]
            if "~" not in whole or not inside:
                continue
            folder = Path.home().joinpath(*(part.removeprefix("~/").strip("/") for part in inside))
            (there if folder.is_dir() else missing).append(str(folder))
    return list(dict.fromkeys(there)), list(dict.fromkeys(missing))


def _nodes(text: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return []
