"""Ask an imported task something in the jail, before there is a living program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from selfproof.adapters.base import ENTRY, USUAL_DEADLINE_S, Imported, NotUnderstood
from selfproof.grants import Grants
from selfproof.jail import Job, Limits, Outcome, Pool, values
from selfproof.projects import writing

MOST_S = 80000.0


@dataclass(frozen=True)
class Asked:
    """One answer: its data, None without one; seconds by the engine's clock; what went wrong, "" if nothing."""

    answer: Any
    seconds: float
    failure: str


def program_of(imported: Imported) -> dict[str, str]:
    """The files of the living program: what may change, what runs the evaluator, what suggests constants."""
    runner = writing.template("evaluated")["program/selfproof_evaluate.py"]
    improver = writing.template("command")["program/selfproof_improver.py"]
    return {**imported.program, "selfproof_evaluate.py": runner, "selfproof_improver.py": improver}


def limits_of(imported: Imported) -> Limits:
    """Ceilings of one evaluation."""
    memory = max(imported.needs.memory_mb, imported.settings.memory_mb)
    seconds = min(MOST_S, imported.settings.deadline_s or USUAL_DEADLINE_S)
    return Limits(
        wall_s=seconds, cpu_s=max(1, int(seconds)), memory_mb=memory, grants=Grants.parse(imported.needs.allow)
    )


def ask(imported: Imported, question: dict[str, Any]) -> Asked:
    """Put a question to a task's runner.

    Raises:
        JailUnavailable: this machine cannot isolate as strongly as the task's files and processes need.
    """
    files = {**{f"original/{path}": content for path, content in imported.original.items()},
             **{f"support/{path}": text for path, text in imported.support.items()}}  # fmt: skip
    asked = values.encode({**imported.ask, "files": files, "index": None, **question})
    limits = limits_of(imported)
    with Pool(1, grants=limits.grants) as pool:
        return read(pool.submit(Job(program_of(imported), ENTRY, [asked], limits=limits)).result())


def read(outcome: Outcome) -> Asked:
    """What a trial gave, or the last words of one that gave nothing."""
    if outcome.status != "ok" or not outcome.outputs:
        last = [line for line in outcome.log.splitlines() if line.strip()][-1:]
        message = outcome.message or (last[0] if last else "no answer")
        return Asked(None, sum(outcome.seconds), f"{outcome.status}: {message}"[:600])
    return Asked(values.decode(outcome.outputs[0]), sum(outcome.seconds), "")


def demanded(asked: Asked, what: str) -> Any:
    """The answer.

    Raises:
        NotUnderstood: there is none; it says what the task said.
    """
    if asked.failure:
        raise NotUnderstood(f"{what} fails in the jail: {asked.failure}", advice=advice_for(asked.failure))
    return asked.answer


def advice_for(failure: str) -> str:
    """What to do about a failure, by its words."""
    if "No module named" in failure:
        name = failure.rpartition("No module named ")[2].split()[0].strip("'\"")
        return f"Install {name} beside selfproof, or put it into the task's folder."
    if failure.startswith(("timeout", "oom")):
        return "Give it more: --timeout SECONDS, or a larger memory_limit_mb in config.yaml."
    if "Permission" in failure or "Operation not permitted" in failure or "No such file" in failure:
        return "A jail holds the task's own folder and nothing else: put there what it reads, or grant data:/FOLDER."
    return "Try the task with the tool that it was written for; selfproof runs its evaluator as it is."
