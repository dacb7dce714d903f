"""What a model or a coding agent is told of an objective: words and code, never a score, a seed or an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from selfproof.archive.tree import matches, scope
from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.jail import values
from selfproof.life import Life
from selfproof.nouns import Candidate
from selfproof.propose.brief import Brief, Lesson, LessonOutcome
from selfproof.trial import blocks as trials
from selfproof.trial.task import Sample, Task

LESSONS = 40
LONGEST_SHOWN = 800
SHOWN = 3  # of the explore samples that went worst
LARGEST_GUIDANCE = 64 * 1024
CHANGES_ONE = "Change one function per suggestion; new private helpers beside it are allowed."
CHANGES_ANY = (
    "Only bodies of functions and methods that the run calls may change, as many as it takes, under the same names; "
    "new private helpers and imports are allowed, everything else in a file must stay as it is."
)
OUTCOMES: dict[str, LessonOutcome] = {
    "raced": "kept", "worse": "worse", "invalid": "invalid", "equal": "equal", "slow": "slow",
}  # fmt: skip


def brief_of(
    life: Life, objective: Objective, parent: Candidate, *, focus: Sequence[str], profile: Sequence[str] = (),
    failures: Sequence[str] = (),
) -> Brief:  # fmt: skip
    """The brief on a version: its files within the objective's scope, and what became of earlier edits."""
    proposers, program = life.charter.proposers, life.charter.program
    improver = hidden = proposers.improver.partition(":")[0]
    own = matches(improver, objective.files) or not objective.files
    if own and matches(improver, program.editable) and not matches(improver, program.protected):
        hidden = ""  # it may be edited like the rest
    shown = {path: text for path, text in parent.files.items() if path != hidden}
    return Brief(
        objective=objective.name, kind=objective.kind, metric=objective.metric,  # type: ignore[arg-type]
        better=objective.better, instructions=instructions(life, objective), files=shown,  # type: ignore[arg-type]
        editable=program.editable, protected=(*program.protected, *filter(None, [hidden])),
        focus=tuple(focus), profile=tuple(profile), failures=tuple(failures),
        lessons=lessons(life, objective.name), guidance=guidance(life), parent=parent.id,
        prompt=parent.files.get(proposers.prompt, "") if proposers.prompt else "",
    )  # fmt: skip


def instructions(life: Life, objective: Objective) -> str:
    """The charter's words about an objective."""
    program = life.charter.program
    lines = [f"{objective.metric}: {objective.better} is better; measured by running {objective.entry} on samples."]
    if objective.kind == "speed":
        lines = [f"Make {objective.entry} take less time. Every output must stay exactly equal, errors included."]
        lines.append(CHANGES_ANY if objective.focus else CHANGES_ONE)
    else:
        lines.append(f"A sample may cost at most {objective.max_cost:g} times the CPU that it costs today.")
    if objective.min_gain:
        unit = "of the time" if objective.kind == "speed" else objective.metric
        lines.append(f"A gain below {objective.min_gain:g} {unit} is not worth a change.")
    lines.append(f"Only these files may change: {', '.join(program.editable)}.")
    if program.protected:
        lines.append(f"Never these: {', '.join(program.protected)}.")
    lines.append(f"No file may be larger than {program.max_file_kb} kB.")
    return "\n".join(lines)


def guidance(life: Life) -> str:
    """The person's own words to proposers: a file beside the charter."""
    name = life.charter.proposers.guidance
    path = life.paths.folder / name
    if not name or not path.is_file():
        return ""
    return path.read_text(encoding="utf-8", errors="replace")[:LARGEST_GUIDANCE]


def lessons(life: Life, stream: str) -> tuple[Lesson, ...]:
    """The newest edits of an objective, each with one word for what became of it; no title twice."""
    ends: dict[str, LessonOutcome] = {}
    for confirming in life.state.confirmations.values():
        if confirming.decision is not None and not confirming.counter.startswith("control-"):
            adopted = confirming.decision["verdict"] == "adopted"
            ends[confirming.body["candidate"]] = "adopted" if adopted else "refused"
    found: dict[str, LessonOutcome] = {}
    for row in life.archive.history(stream, 4 * LESSONS):
        outcome = ends.get(row["id"]) or OUTCOMES.get(row["outcome"])
        if outcome is not None:
            found.pop(row["title"], None)
            found[row["title"]] = outcome
    return tuple(Lesson(title, outcome) for title, outcome in [*found.items()][-LESSONS:])


def worst_samples(
    life: Life, task: Task, sign: float, candidate: Candidate, panel: Sequence[trials.Block]
) -> tuple[str, ...]:
    """Explore samples that a version answers worst, as text, with its answers; none whose data is large.

    ``sign`` is 1 where a lower score is better, -1 otherwise.
    """
    objective = life.charter.objective(candidate.objective)
    job = trials.job(candidate.files, objective.entry, panel, life.limits_of(objective))
    (outcome,) = paired.run(life, [job])
    found: list[tuple[float, str]] = []
    for number, trial in enumerate(trials.score(task, panel, outcome)):
        text: str | None = f"no valid answer: {trial.status}"
        if number < len(outcome.outputs):
            text = words_of(task, panel[number].sample, values.decode(outcome.outputs[number]))
        if text:
            found.append((-sign * trial.score if trial.score is not None else -math.inf, text))
    return tuple(text for _, text in sorted(found)[:SHOWN])


def words_of(task: Task, sample: Sample, answer: object) -> str | None:
    """What may be said of an explore sample and its answer, None where that is too long to be shown."""
    own = task.shown(sample, answer)
    if own is not None:
        return own[:LONGEST_SHOWN]
    given = told(sample.value)
    return None if given is None else f"input: {given}\nanswer: {told(answer) or 'too long to be shown'}"


def told(value: Any) -> str | None:
    """A sample's value or an answer as text, None if it is too large to be shown."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else None


def own_files(life: Life, objective: Objective, version: int) -> dict[str, str]:
    """The files of a version within the objective's scope."""
    return scope(life.files(version), objective.files)
