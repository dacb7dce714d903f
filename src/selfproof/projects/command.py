"""``selfproof init --command``: a command that tells a metric, such as a training script, as a living program.

The command runs in the jail with the project's text files as its folder. Its metric is read outside, but it is the
command's own claim, so the objective is joint; with ``rescore`` a trusted function scores the files that it leaves.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from selfproof.archive.tree import matches
from selfproof.grants import Grants
from selfproof.nouns import UsageError
from selfproof.projects import runs, texts, writing
from selfproof.projects.writing import Draft, Made

FORM = "command"
OWN = "selfproof_*.py"
SCRATCH_MB = 256
MEMORY_MB = 4096
PATIENCE = 3.0  # times the baseline: the deadline of a run, where a person names none
LEAST_S, MARGIN_S = 10.0, 15.0
FIRST_S = 3600.0  # deadline of the baseline's own runs, where a person names none
LOWER = ("loss", "err", "bpb", "bpc", "perplexity", "ppl", "mse", "mae", "nll", "wer", "cer", "fid", "second", "time",
         "latency", "regret", "cost", "miss")  # fmt: skip
HIGHER = ("acc", "score", "reward", "return", "f1", "auc", "precision", "recall", "bleu", "rouge", "r2", "throughput",
          "per_sec", "iou", "map", "psnr", "win")  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What a person may say.

    ``better`` "" goes by the metric's name. ``read`` is where the metric is: "stdout", "FILE.json:KEY.KEY" or "FILE".
    ``files`` and ``edit`` are globs of what goes along and of what may change ("" for all text, for the script that the
    command names). ``minutes_each`` and ``memory_mb`` bound a run, 0: three times the baseline, 4 GB. ``rescore`` is
    FILE.py:function, which gets the ``artefacts`` that a run leaves. ``tests`` is a command that must not fail more.
    """

    command: str
    metric: str
    better: str = ""
    read: str = "stdout"
    files: tuple[str, ...] = ()
    edit: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    minutes_each: float = 0.0
    memory_mb: int = 0
    rescore: str = ""
    artefacts: tuple[str, ...] = ()
    tests: str = ""
    seed: int | None = None


@dataclass(frozen=True)
class Plan:
    """What the options come to in this project: the files that go along and may change, the task's settings."""

    options: Options
    files: Mapping[str, str]
    editable: tuple[str, ...]
    settings: Mapping[str, Any]
    charter: Mapping[str, Any]
    told: tuple[str, ...]


def make(project: Path, folder: Path, options: Options, say: runs.Say = runs.silent) -> Made:
    """Copy the project's text, run the command twice with different seeds, write the living program.

    Raises:
        UsageError: the options fit neither each other nor the project.
        SelfproofError: the command gives no metric in the jail; the message has its last words.
    """
    writing.check_free(folder)
    plan = planned(project, folder, options)
    with tempfile.TemporaryDirectory(prefix="selfproof-init-") as scratch:
        seen = runs.baseline(Path(scratch), draft(project, folder, plan), say)
    plan = sized(plan, seen)
    program_id = writing.write(folder, draft(project, folder, plan), options.seed)
    return Made(program_id, folder, [*plan.told, *seen.told(), *joint_words(options)])


def planned(project: Path, folder: Path, options: Options) -> Plan:
    """What to write, before anything was run.

    Raises:
        UsageError: the options fit neither each other nor the project.
    """
    found = texts.of(project, folder, options.files)
    if clash := [name for name in found.files if matches(name, (OWN,))]:
        raise UsageError(f"{clash[0]} has a name that selfproof needs for itself", advice="Rename it, or use --files.")
    editable = edited(options, found.files)
    settings = {
        "COMMAND": options.command, "METRIC": options.metric, "BETTER": better_of(options), "READ": options.read,
        "SECONDS": 60 * options.minutes_each or FIRST_S, "USUAL": 0.0,
        "ENVIRONMENT": {"PYTHONPATH": "src"} if any(name.startswith("src/") for name in found.files) else {},
    }  # fmt: skip
    largest = max(len(found.files[name].encode()) for name in editable)
    charter = {
        "editable": list(editable), "max_file_kb": min(4096, max(64, 2 * largest // 1024 + 1)),
        "focus": [f"{name}:" for name in editable if name.endswith(".py")][:1] or [f"{OWN[:-5]}runner.py:run"],
        "metric": options.metric, "better": settings["BETTER"], "allow": granted(options),
        "memory_mb": options.memory_mb or MEMORY_MB, "workers": 1 if "gpu" in options.allow else 2,
    }  # fmt: skip
    told = [f"{len(found.files)} of your files are copied, yours stay as they are; may change: {', '.join(editable)}"]
    told += left_out(found.left_out)
    return Plan(options, found.files, editable, settings, charter, tuple(told))


def left_out(names: Mapping[str, str]) -> list[str]:
    """One line on files that do not go along."""
    if not names:
        return []
    some = ", ".join(f"{name} ({why})" for name, why in list(names.items())[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"left out: {some}{more}; a run may read a folder outside the program with --allow data:/FOLDER"]


def better_of(options: Options) -> str:
    """The direction that a person said, or that the metric's name says.

    Raises:
        UsageError: neither does.
    """
    name = options.metric.lower()
    if not options.metric.strip():
        raise UsageError("--command needs a metric", advice="For example: --metric val_loss --lower")
    words = [better for better, parts in (("lower", LOWER), ("higher", HIGHER)) if any(part in name for part in parts)]
    if options.better or len(words) == 1:
        return options.better or words[0]
    raise UsageError(f"is more {options.metric} better, or less?", advice="Add --lower or --higher.")


def granted(options: Options) -> list[str]:
    """What a run may use: processes and a scratch folder always, and what a person allows.

    Raises:
        UsageError: a line means nothing.
    """
    lines = [
        "subprocesses",
        *([] if any(a.startswith("scratch:") for a in options.allow) else [f"scratch:{SCRATCH_MB}"]),
    ]
    lines += [line for line in options.allow if line not in lines]
    try:
        Grants.parse(lines)
    except ValueError as error:
        raise UsageError(f"--allow: {error}") from None
    return lines


def edited(options: Options, files: Mapping[str, str]) -> tuple[str, ...]:
    """The files that an edit may change.

    Raises:
        UsageError: there is none.
    """
    if options.edit:
        found = tuple(name for name in files if matches(name, options.edit))
        if not found:
            raise UsageError(f"no file matches --edit {' '.join(options.edit)}", advice=f"There are: {some_of(files)}.")
        return found
    script = script_of(options.command, files)
    if script is None:
        raise UsageError(
            f"the command `{options.command}` names no file of the project, so nothing could change",
            advice=f'Say which: --edit "FILE" (there are: {some_of(files)}).',
        )
    return (script,)


def some_of(files: Mapping[str, str]) -> str:
    """A few names."""
    return ", ".join(list(files)[:6]) + (", ..." if len(files) > 6 else "")


def script_of(command: str, files: Mapping[str, str]) -> str | None:
    """The project's file that a command names: a path, or a module after ``-m``."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--command: {error}", advice="Check its quotes.") from None
    if not words:
        raise UsageError("--command is empty", advice='For example: --command "python train.py"')
    for before, word in zip(["", *words], words, strict=False):
        name = word.removeprefix("./")
        if name in files:
            return name
        module = word.replace(".", "/")
        homes = [f"{root}{module}{end}" for root in ("", "src/") for end in (".py", "/__main__.py")]
        if before == "-m" and (found := next((home for home in homes if home in files), None)):
            return found
    return None


def sized(plan: Plan, seen: runs.Seen) -> Plan:
    """The plan with what the baseline told: which kind of task it is, how long a run may take."""
    options = plan.options
    seconds = 60 * options.minutes_each or max(LEAST_S, PATIENCE * seen.seconds)
    settings = {**plan.settings, "SECONDS": round(seconds, 1), "USUAL": round(seen.seconds, 2)}
    charter = {
        **plan.charter,
        "task": f"tasks/command.py:{'Exact' if seen.exact else 'Fresh'}",
        "wall_s": round(seconds + MARGIN_S, 1),
    }
    return replace(plan, settings=settings, charter=charter)


def draft(project: Path, folder: Path, plan: Plan) -> Draft:
    """All texts of the folder."""
    parts = writing.template(FORM)
    parts |= {f"program/{name}": text for name, text in plan.files.items()}
    parts["tasks/command.py"] = assigned(parts["tasks/command.py"], plan.settings)
    wall = {"wall_s": min(86400.0, plan.settings["SECONDS"] + MARGIN_S)}
    parts["charter.toml"] = writing.filled(parts["charter.toml"], {**wall, **plan.charter})
    paths = {name: {"path": writing.relative(project / name, project)} for name in plan.files}
    return Draft(parts, {"form": FORM, "project": writing.relative(project, folder), "files": paths})


def assigned(source: str, values: Mapping[str, Any]) -> str:
    """A task's text with other values in its first lines ``NAME = ...``, comments kept."""
    for name, value in values.items():
        found = re.search(rf"(?m)^({name}(?:: [^=\n]+)?) = [^#\n]*?(  #.*)?$", source)
        assert found is not None, f"the template has no line for {name}"
        source = f"{source[: found.start()]}{found[1]} = {value!r}{found[2] or ''}{source[found.end() :]}"
    return source


def joint_words(options: Options) -> Sequence[str]:
    """What a certificate cannot say where the command tells its own metric."""
    if options.rescore:
        return []
    return [
        f"{options.metric} is what your command says: an edit of it could make it lie, and every certificate says so "
        "(joint). To score what a run leaves by code of yours: --rescore FILE.py:function --artefact FILE"
    ]
