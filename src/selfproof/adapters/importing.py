"""``selfproof import``: from another tool's task to a living program."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pprint import pformat
from typing import Any

from selfproof.adapters import baseline, models, probing
from selfproof.adapters.base import Imported, NotUnderstood, Told
from selfproof.adapters.baseline import Baseline
from selfproof.projects import writing
from selfproof.projects.writing import Draft, Made

TASK = "tasks/evaluated.py"
PACKED = ".base64"
GUIDANCE = "guidance.md"
RECORD = "imported.json"
"""How the tool lays out what was imported, for the way back."""
PANELS = {"Exact": 64, "HeldOut": 64, "Noisy": 8}  # evaluations in one job of a race, at most
FEW = 100  # examples: with fewer a hold-out can hardly show anything
MOST_SENT = 1 << 28  # bytes of all samples together
LEAST_MINUTES, MOST_MINUTES = 2.0, 1440.0
ROUNDS = 3  # evaluations that a race and a confirmation take for each that the other tool would have made


@dataclass(frozen=True)
class Options:
    """What a person may say: a ceiling for one evaluation in seconds, a seed."""

    timeout: float | None = None
    seed: int | None = None


UNMEASURED = Baseline((0.0,), repeats=False, steady=False, stage=1, seconds=0.0, deadline_s=60.0, told=())


def write(imported: Imported, folder: Path, options: Options, tell: Told) -> Made:
    """Measure the first program, then write the living program; ``tell`` gets every line as soon as it is known.

    Raises:
        UsageError: the task does not run, or the folder is taken.
        JailUnavailable: this machine cannot isolate as strongly as the task needs.
    """
    writing.check_free(folder)
    if options.timeout is not None:
        imported = replace(imported, settings=replace(imported.settings, deadline_s=options.timeout))
    check_size(imported)
    told: list[str] = []

    def say(line: str) -> None:
        told.append(line)
        tell(line)

    for line in (*imported.understood, *imported.needs.told):
        say(line)
    for line in words_on(imported.settings.models):
        say(line)
    for line in imported.left_out:
        say(f"not taken over: {line}")
    tell("running the first program ...")
    measured = baseline.measure(imported, draft_of(imported, UNMEASURED, "Noisy"))
    for line in measured.told:
        say(line)
    kind = task_of(imported, measured)
    if kind == "HeldOut" and len(imported.examples) < FEW:
        say(f"{len(imported.examples)} examples are few: a change must be large to be shown on those that confirm")
    if not any(path.endswith(".py") for path in imported.program):
        say("no operator knows this kind of text: suggestions come from models or a coding agent alone")
    seed = options.seed if options.seed is not None else imported.settings.seed
    program_id = writing.write(folder, draft_of(imported, measured, kind), seed)
    say("joint: the evaluator runs together with the program; every certificate says that it could touch its score")
    return Made(program_id, folder, told)


def check_size(imported: Imported) -> None:
    """Refuse what would be too much to send along: each sample takes the evaluator's folder with it.

    Raises:
        NotUnderstood: folder and examples together are too large.
    """
    size = sum(map(len, imported.original.values()))
    if size * max(1, len(imported.examples)) > MOST_SENT:
        raise NotUnderstood(
            f"{len(imported.examples)} examples with a folder of {size >> 10} kB each are too much to send along",
            advice="Import a folder with nothing but the task in it; large data can be granted: data:/FOLDER.",
        )


def words_on(names: Sequence[str]) -> list[str]:
    """What becomes of the models that a configuration names: none is asked for money that nobody said may be spent."""
    free = models.free(names)
    others = [name for name in names if name not in free]
    told = [f"models: {', '.join(free)}"] if free else []
    if others:
        told.append(f"models that are asked when you say so: selfproof run --model {others[0]}"
                    + (f" (also {', '.join(others[1:])})" if others[1:] else ""))  # fmt: skip
    return told


def task_of(imported: Imported, measured: Baseline) -> str:
    """The class of the task that fits: see tasks/evaluated.py."""
    if imported.examples and imported.held_out:
        return "HeldOut"
    return "Exact" if measured.exact else "Noisy"


def draft_of(imported: Imported, measured: Baseline, kind: str) -> Draft:
    """All texts of the folder."""
    texts = {path: text for path, text in writing.template("evaluated").items() if not path.startswith("program/")}
    texts["tasks/settings.py"] = settings_text(imported, measured)
    for path, content in imported.original.items():
        name = f"tasks/original/{path}"
        if isinstance(content, bytes):
            texts[name + PACKED] = base64.encodebytes(content).decode()
        else:
            texts[name] = content
    texts |= {f"tasks/support/{path}": text for path, text in imported.support.items()}
    texts |= {f"program/{path}": text for path, text in probing.program_of(imported).items()}
    values = charter_values(imported, measured, kind)
    texts["charter.toml"] = writing.filled(texts["charter.toml"], values)
    if imported.settings.guidance:
        texts[GUIDANCE] = imported.settings.guidance.rstrip() + "\n"
    texts[RECORD] = json.dumps({"kind": imported.kind, **imported.extra}, indent=1, ensure_ascii=False) + "\n"
    return Draft(texts, imported.origin)


def charter_values(imported: Imported, measured: Baseline, kind: str) -> dict[str, Any]:
    """What the charter says of this task."""
    settings, paths = imported.settings, list(imported.program)
    largest = max(len(text.encode()) for text in imported.program.values())
    at_once = min(PANELS[kind], len(imported.examples) or (2 if kind == "Exact" else PANELS[kind]))
    if measured.usual:  # each evaluation is a job of its own then
        at_once = 1
    wall = min(at_once * measured.deadline_s, measured.deadline_s + 4 * at_once * measured.seconds)
    python = [path for path in paths if path.endswith(".py")]
    minutes = LEAST_MINUTES
    if settings.evaluations:
        minutes = ROUNDS * settings.evaluations * measured.seconds / settings.workers / 60
    return {
        "editable": paths, "max_file_kb": min(4096, max(settings.max_file_kb, 2 * largest // 1024)),
        "name": imported.name, "task": f"{TASK}:{kind}", "focus": [f"{paths[0]}:"],
        "allow": list(imported.needs.allow), "models": models.free(settings.models), "dollars": settings.dollars,
        "guidance": GUIDANCE if settings.guidance else "",
        "improver": "selfproof_improver.py:propose" if python else "",
        "minutes": round(min(MOST_MINUTES, max(LEAST_MINUTES, minutes)), 1), "workers": settings.workers,
        "wall_s": round(wall, 1), "memory_mb": max(imported.needs.memory_mb, settings.memory_mb),
        "tree_growth": growth(imported.program),
    }  # fmt: skip


def growth(program: Mapping[str, str]) -> float:
    """How many times its size the program may grow to: a small one needs room."""
    return round(min(100.0, 4.0 + 40_000 / (1 + sum(map(len, program.values())))), 1)


def settings_text(imported: Imported, measured: Baseline) -> str:
    """tasks/settings.py with what was understood."""
    text = writing.template("evaluated")["tasks/settings.py"]
    for name, empty, value in (
        ("ASK", "{}", dict(imported.ask)), ("EXAMPLES", "()", imported.examples), ("IGNORED", "()", imported.ignored),
        ("STAGE", "1", measured.stage), ("SECONDS", "0.0", measured.usual),
    ):  # fmt: skip
        lines = [line for line in text.splitlines() if line.startswith(f"{name}: ") and line.endswith(f" = {empty}")]
        assert len(lines) == 1, name
        shown = pformat(value, width=100, sort_dicts=False)
        text = text.replace(lines[0], lines[0].removesuffix(empty) + shown)
    return text
