"""Folders of OpenEvolve: initial_program.py, evaluator.py, config.yaml.

As there, an evaluation is ``evaluate(path)``, or stage by stage where the configuration wants a cascade and the
evaluator has stages; its score is ``combined_score``, else the mean of all metrics but those that the map of programs
is laid out by. Unlike there, what raises has no score, and neither has what fails a stage that the first program
passed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from selfproof.adapters import configuration, folders, models, needs
from selfproof.adapters.base import Imported, NotUnderstood, Settings, objective_name
from selfproof.adapters.configuration import Section
from selfproof.adapters.support import support_of

KIND = "openevolve"
PROGRAM, EVALUATOR, CONFIG = "initial_program", "evaluator.py", "config.yaml"
EVOLVED = "evolved"  # the candidate's folder: an evaluator may import initial_program, and means the first one
THRESHOLDS = (0.5, 0.75, 0.9)
_STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")
_NO_PLACE = "population, islands, sampling and prompts' layout have no counterpart: selfproof searches in its own way"


def looks_like(path: Path) -> bool:
    """Whether a folder is one of OpenEvolve's."""
    return path.is_dir() and (path / EVALUATOR).is_file() and any(path.glob(PROGRAM + ".*"))


def read(path: Path) -> Imported:
    """Understand a folder.

    Raises:
        NotUnderstood: a file is missing, unreadable, or not of the form that OpenEvolve asks for.
    """
    told: list[str] = []
    left: list[str] = []
    config = Section(configuration.load(path / CONFIG))
    initial = _initial(path, config)
    program = f"{EVOLVED}/{initial.name}"
    text, origin = folders.evolved(initial, program, KIND)
    taken = folders.read(path, left)
    stages = _stages(path / EVALUATOR)
    thresholds = _thresholds(config, stages, told)
    settings = _settings(config, told, left)
    ignored = tuple(str(name) for name in config.section("database").rows("feature_dimensions"))
    left += _left_out(config)
    told.insert(0, f"{initial.name} is the program, {EVALUATOR} its evaluator: run as it is, in the jail")
    return Imported(
        kind=KIND, name=objective_name(path.resolve().name),
        program={program: text}, origin=origin, original=taken.files,
        support=support_of(KIND),
        ask={"runner": "selfproof_openevolve", "evaluator": EVALUATOR, "candidate": program, "thresholds": thresholds,
             "links": taken.links},
        settings=settings, needs=needs.needed(needs.python_texts(taken.files), taken.data), ignored=ignored,
        understood=tuple(told), left_out=tuple(left), extra={"program": initial.name},
    )  # fmt: skip


def _initial(path: Path, config: Section) -> Path:
    suffix = config.text("file_suffix") or ".py"
    config.text("language")
    named = path / (PROGRAM + suffix)
    found = named if named.is_file() else next(iter(sorted(path.glob(PROGRAM + ".*"))), None)
    if found is None:
        raise NotUnderstood(f"{path} has no {PROGRAM}{suffix}", advice="OpenEvolve's folders have it and evaluator.py.")
    return found


def _stages(evaluator: Path) -> list[str]:
    """The functions of the evaluator that count.

    Raises:
        NotUnderstood: it is no Python, or has no ``evaluate``.
    """
    try:
        tree = ast.parse(folders.text_of(evaluator))
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotUnderstood(f"{evaluator} is no Python: {error}") from None
    names = {name for node in tree.body for name in _defined(node)}
    if "evaluate" not in names:
        raise NotUnderstood(f"{evaluator} defines no evaluate(program_path)")
    return [name for name in _STAGES if name in names]


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return []


def _thresholds(config: Section, stages: list[str], told: list[str]) -> list[float]:
    """The thresholds of a cascade; empty without one."""
    section = config.section("evaluator")
    wanted = section.flag("cascade_evaluation", True)
    rows = section.rows("cascade_thresholds")
    given = [float(x) for x in rows if isinstance(x, int | float) and not isinstance(x, bool)]
    if not wanted or not stages or stages[0] != _STAGES[0]:
        return []
    chosen = given or list(THRESHOLDS)
    told.append(f"cascade of {len(stages)} stages, thresholds {', '.join(f'{x:g}' for x in chosen[: len(stages)])}: "
                "a program that fails one scores by that stage")  # fmt: skip
    return chosen


def _settings(config: Section, told: list[str], left: list[str]) -> Settings:
    evaluator, prompt = config.section("evaluator"), config.section("prompt")
    timeout = evaluator.number("timeout", 0.1, 80000)
    workers = evaluator.number("parallel_evaluations", 1, 64)
    memory = evaluator.number("memory_limit_mb", 64, 1 << 20)
    seed = config.number("random_seed", 0, 2**53)
    iterations = config.number("max_iterations", 1, 1e9)
    longest = config.number("max_code_length", 1, 1 << 22)
    if seed is not None:
        told.append(f"random_seed {seed:.0f} is the seed of the search")
    asked = _models(config.section("llm"), left)
    message = prompt.text("system_message")
    guidance = message if any(ch.isspace() for ch in message.strip()) else ""
    if guidance:
        told.append("prompt.system_message is passed on to models and agents (guidance.md)")
    if evaluator.flag("use_llm_feedback", False):
        left.append("evaluator.use_llm_feedback: no model takes part in a score here")
    return Settings(
        deadline_s=timeout or 0.0, workers=int(workers or 2), seed=None if seed is None else int(seed),
        evaluations=None if iterations is None else int(iterations), models=asked, guidance=guidance,
        max_file_kb=max(64, int((longest or 0) // 256)), memory_mb=int(memory or 0),
    )  # fmt: skip


def _models(llm: Section, left: list[str]) -> tuple[str, ...]:
    """Models as the charter names them; keys are never copied."""
    base, provider = llm.text("api_base"), llm.text("provider")
    rows: list[Mapping[str, object]] = [row for row in llm.rows("models") if isinstance(row, dict)]
    rows += [{"name": llm.text(key)} for key in ("primary_model", "secondary_model") if llm.text(key)]
    found = []
    for row in rows:
        name, its_base = str(row.get("name") or ""), str(row.get("api_base") or base or models.OPENAI)
        if not name:
            continue
        if provider or row.get("provider"):
            left.append(f"model {name} of provider {row.get('provider') or provider}: see [proposers] agent")
            continue
        known = models.at(its_base, name)
        if known:
            found.append(known)
        else:
            left.append(f"model {name} at {its_base}: no address that can be used")
    if llm.has("api_key") or any("api_key" in row for row in rows):
        left.append("llm.api_key: keys are read from the environment, never from a file")
    return tuple(dict.fromkeys(found))


def _left_out(config: Section) -> list[str]:
    """What the configuration says and nothing here has a place for."""
    config.section("llm").text("api_key")
    names = sorted(set(config.unseen()))
    if not names:
        return []
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return [f"config.yaml without a counterpart: {shown}", _NO_PLACE]
