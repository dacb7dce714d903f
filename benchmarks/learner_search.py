"""The program's side of ``learner.py``: searches in the real jail, without certificates, and what they are worth.

A search is what a life does between two confirmations: propose, screen, race. It ends after so many candidates, or
after so many seconds of processor time (engine and jail together), so how busy the machine is changes no result where
candidates are counted. Nothing is read from or written to the store of experience.
"""

from __future__ import annotations

import ast
import hashlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from selfproof import birth
from selfproof import life as lives
from selfproof.domains import paired
from selfproof.domains.base import admitted
from selfproof.domains.quality import Quality
from selfproof.domains.slow import Slow
from selfproof.learn.recorder import Nothing
from selfproof.nouns import Files
from selfproof.trial import blocks as trials
from selfproof.trial.task import Sample

IDLE = 12
"""Batches without anything new, one after the other, after which a search has tried all that its operators write."""


@dataclass(frozen=True)
class Subject:
    """What is learned: template and objective, the budget and what it counts, and the number of report samples."""

    name: str
    template: str
    objective: str
    budget: float
    cpu: bool = False
    report: int = 40


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("memory", "apprentice", "memory", 1000),
        Subject("stream", "stream", "stream", 600),
        Subject("mixed", "mixed", "mixed", 600),
        Subject("game24", "puzzles", "game24", 600, report=1),
        Subject("dispatch", "puzzles", "dispatch", 1000),
        Subject("training", "training", "training", 100.0, cpu=True, report=24),
        Subject("training-adam", "training-adam", "training", 100.0, cpu=True, report=24),
    )
}


def report_seed(objective: str, seed: int) -> int:
    """The seed of the report samples of a search seed: no search and no other script has it."""
    return int.from_bytes(hashlib.sha256(f"learner report 0056 {objective} {seed}".encode()).digest()[:6], "big")


def report_samples(task: Any, subject: Subject, seed: int) -> list[Sample]:
    """Fresh report samples; of the Game of 24 all report hands, once each, as one."""
    drawn = report_seed(subject.objective, seed)
    if subject.name == "game24":
        return [task.block(task.parts["report"], np.random.default_rng(drawn))]
    found: list[Sample] = task.samples("report", drawn, subject.report)
    return found


def values_of(subject: Subject, draws: Sequence[Sequence[float]]) -> list[float]:
    """The mean of each report sample's draws; of the Game of 24 for each hand whether it is solved."""
    if subject.name == "game24":
        return [float(value > 0) for part in draws for value in part]
    return [round(sum(part) / len(part), 6) for part in draws]


class Place:
    """A new living program under one search seed, opened for searches and measurements."""

    def __init__(self, life: lives.Life, subject: Subject, seed: int) -> None:
        self.life, self.subject, self.seed = life, subject, seed
        self.life.experience = Nothing()
        self.objective = life.charter.objective(subject.objective)
        self.task: Any = life.tasks[subject.objective]
        self.start = life.version(self.objective, 0).files
        self._began = time.process_time()

    def cpu(self) -> float:
        """Processor seconds that engine and jail have used since this was made."""
        return time.process_time() - self._began + self.life.cpu_seconds

    def domain(self, constants: bool) -> Quality:
        """The objective's domain; for the control only constants (and choices of the model) may change."""
        kind = Slow if self.subject.cpu else Quality
        return kind(self.life, self.objective, operators=["constant"] if constants else None)

    def searched(self, budget: float, constants: bool = False) -> tuple[Files, dict[str, Any]]:
        """The best version of a search on its own panel, and what the search cost."""
        domain, began, before, idle = self.domain(constants), self.cpu(), self.life.trials, 0
        while (self.cpu() - began if self.subject.cpu else domain.evaluated) < budget and idle < IDLE:
            focus, tried = domain.observe(), domain.evaluated
            assert focus is not None
            candidates, _ = admitted(self.life, self.objective, domain.propose(focus), domain.files_of)
            for _ in domain.race(candidates):
                pass
            idle = idle + 1 if domain.evaluated == tried else 0
        found = domain.files_of(domain.population.best.id)
        assert found is not None
        panels = max(1, len(domain.panel))
        cost = {"candidates": domain.evaluated, "evaluations": round((self.life.trials - before) / panels, 1),
                "cpu": round(self.cpu() - began, 1), "panel": panels,
                "panels": 1 + domain.panel_number}  # fmt: skip
        return found, cost

    def explored(self, files: Files, part: Sequence[trials.Block]) -> float | None:
        """The mean over explore samples, lower is better; None for a version that gives no valid answer."""
        groups = [[block] for block in part] if self.subject.cpu else [part]
        limits = self.life.limits_of(self.objective)
        outcomes = paired.run(self.life, [trials.job(files, self.objective.entry, group, limits) for group in groups])
        pairs = zip(groups, outcomes, strict=True)
        scored = [one.score for group, outcome in pairs for one in trials.score(self.task, group, outcome)]
        sign = 1.0 if self.objective.better == "lower" else -1.0
        known = [sign * score for score in scored if score is not None]
        return sum(known) / len(known) if len(known) == len(scored) else None

    def reported(self, files: Files) -> dict[str, Any]:
        """A version's score on each report sample, or why there is none."""
        fresh = trials.prepare(report_samples(self.task, self.subject, self.seed))
        version = self.life.candidate(self.objective, {**self.start, **files})
        try:
            rows = paired.once(self.life, version, self.task, fresh).rows
        except paired.IncumbentFailed as failed:
            return {"report": [], "broken": str(failed)}
        return {"report": values_of(self.subject, [row[: len(row) // 2] for row in rows])}

    def shown(self, files: Files) -> str:
        """The part of the code that was searched, without comments and docstrings."""
        path, functions = self.objective.focus[0].partition(":")[0], {f.partition(":")[2] for f in self.objective.focus}
        tree = ast.parse(files[path])
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(node, (ast.FunctionDef, ast.Module)) and body and ast.get_docstring(node) is not None:
                node.body = body[1:]
        kept = [n for n in tree.body if functions == {""} or getattr(n, "name", "") in functions]
        return "\n\n".join(ast.unparse(node) for node in kept if not isinstance(node, ast.Import))


@contextmanager
def place(subject: Subject, seed: int) -> Iterator[Place]:
    """A new program of a subject's template in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="selfproof-learner-") as scratch:
        folder = Path(scratch) / "life"
        birth.make(folder, subject.template, seed)
        with lives.opened(folder, seed=seed) as life:
            yield Place(life, subject, seed)
