"""Tasks of ShinkaEvolve: initial.EXT and evaluate.py, with a YAML configuration or a run_evo.py beside them.

As there, evaluate.py is run as a script and leaves metrics.json and correct.json; the score is ``combined_score``. A
program that it calls incorrect has no score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfproof.adapters import calls, configuration, folders, models, needs
from selfproof.adapters.base import Imported, NotUnderstood, Settings, objective_name
from selfproof.adapters.configuration import Section
from selfproof.adapters.support import support_of

KIND, EVALUATOR = "shinka", "evaluate.py"
EVOLVED = "evolved"
_FIRST = (".py", ".go", ".jl", ".rs", ".cpp", ".cc", ".cxx", ".cu", ".swift", ".json")
_WANTED = ("task_sys_msg", "llm_models", "num_generations", "max_api_costs", "init_program_path", "time")


def looks_like(path: Path) -> bool:
    """Whether a folder is a task of ShinkaEvolve."""
    return path.is_dir() and (path / EVALUATOR).is_file() and any(path.glob("initial.*"))


def read(path: Path) -> Imported:
    """Understand a task's folder.

    Raises:
        NotUnderstood: a file is missing, unreadable, or not of the form that ShinkaEvolve asks for.
    """
    told: list[str] = []
    left: list[str] = []
    said, file = _said(path, told)
    initial = _initial(path, str(said.get("init_program_path") or ""))
    program = f"{EVOLVED}/{initial.name}"
    text, origin = folders.evolved(initial, program, KIND)
    evaluator = folders.text_of(path / EVALUATOR)
    if "--program_path" not in evaluator or "--results_dir" not in evaluator:
        raise NotUnderstood(
            f"{path / EVALUATOR} takes no --program_path and --results_dir",
            advice="ShinkaEvolve's evaluators are scripts with these two options.",
        )
    taken = folders.read(path, left)
    if file:
        left.append(f"the rest of {file} has no counterpart: selfproof searches in its own way")
    if "run_workers" in evaluator:
        told.append("run_workers: the runs of one evaluation go one after the other, with the same results")
    told.insert(0, f"{initial.name} is the program, {EVALUATOR} its evaluator: run as it is, in the jail")
    return Imported(
        kind=KIND, name=objective_name(path.resolve().name),
        program={program: text}, origin=origin, original=taken.files, support=support_of(KIND),
        ask={"runner": "selfproof_shinka", "evaluator": EVALUATOR, "candidate": program, "links": taken.links},
        settings=_settings(said, told, left), needs=needs.needed(needs.python_texts(taken.files), taken.data),
        understood=tuple(told), left_out=tuple(left), extra={"program": initial.name},
    )  # fmt: skip


def _initial(path: Path, named: str) -> Path:
    if named and (path / Path(named).name).is_file():
        return path / Path(named).name
    found = {one.suffix: one for one in sorted(path.glob("initial.*")) if one.is_file()}
    chosen = next((found[suffix] for suffix in _FIRST if suffix in found), next(iter(found.values()), None))
    if chosen is None:
        raise NotUnderstood(f"{path} has no initial.EXT", advice="ShinkaEvolve's tasks have one, and evaluate.py.")
    return chosen


def _said(path: Path, told: list[str]) -> tuple[dict[str, Any], str]:
    """What the configuration says of the search, and the file that says it."""
    for file in sorted([*path.glob("*.yaml"), *path.glob("*.yml")]):
        section = configuration.load(file)
        found = section.get("evo_config") if isinstance(section.get("evo_config"), dict) else None
        if found is not None:
            told.append(f"settings from {file.name}")
            job = section.get("job_config")
            return {"time": job.get("time") if isinstance(job, dict) else None, **found}, file.name
    for file in sorted(path.glob("run_*.py")):
        text = folders.text_of(file)
        if found := calls.arguments(text, "EvolutionConfig"):
            told.append(f"settings from {file.name}")
            job = calls.arguments(text, "LocalJobConfig") or {}
            return {"time": job.get("time"), **found}, file.name
    return {}, ""


def _settings(said: dict[str, Any], told: list[str], left: list[str]) -> Settings:
    section = Section({key: said[key] for key in _WANTED if key in said})
    generations, dollars = section.number("num_generations", 1, 1e9), section.number("max_api_costs", 0, 1e6)
    guidance = section.text("task_sys_msg")
    asked: list[str] = []
    for name in section.rows("llm_models"):
        known = models.bare(str(name))
        if known:
            asked.append(known)
        else:
            left.append(f"model {name}: no counterpart known; name it in [proposers] models yourself")
    if dollars is not None:
        told.append(f"max_api_costs {dollars:g} is [budget] dollars")
    if guidance:
        told.append("task_sys_msg is passed on to models and agents (guidance.md)")
    return Settings(
        deadline_s=seconds_of(section.text("time")), dollars=dollars or 0.0, models=tuple(asked), guidance=guidance,
        evaluations=None if generations is None else int(generations),
    )  # fmt: skip


def seconds_of(time: str) -> float:
    """Seconds of a job's time, "HH:MM:SS"; 0.0 for anything else."""
    parts = time.split(":")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 4 for part in parts):
        return 0.0
    hours, minutes, seconds = map(int, parts)
    return float(min(80000, 3600 * hours + 60 * minutes + seconds))
