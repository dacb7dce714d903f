"""One pair of a confirmation of weights: both are asked about the same version, and their best edits are measured.

A seed chooses the version (a parent that no edit of was trained on), the explore samples and what is drawn in
answering. Each side makes as many edits; what passes the screen and is new in this life runs in the jail. A side's
best edit is *chosen* on some samples and *scored* on others, as a share of what its parent scores there: chosen and
scored on the same ones, whoever makes more edits would look better by luck alone. The score lies within [-1, 1]; a
side whose edits gain nothing where they are chosen scores 0, and one whose choice then gives no valid answer -1.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from selfproof.certify.seeds import derive
from selfproof.domains import paired
from selfproof.domains.base import admitted
from selfproof.domains.briefing import own_files
from selfproof.domains.shape import shape_of
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Files
from selfproof.propose import reply
from selfproof.propose.brief import ProposerFailed
from selfproof.propose.local.asking import Answer, Refused
from selfproof.trial import blocks as trials
from selfproof.trial.task import Task
from selfproof.tuning.examples import Prompts, Versions, is_held_out, objectives_of

EDITS = 4  # of each side
CHOOSE, SCORE = 4, 8  # explore samples
PARENTS = 60  # the best of each objective, beside the versions of the certified line
Parent = tuple[str, str]


class Weights(Protocol):
    """Weights that can be asked: `propose.local.Asker`."""

    def ask(self, prompt: str, seed: int) -> Answer:
        """The answer to a prompt, drawn by the seed."""
        ...


@dataclass(frozen=True)
class Side:
    """How one side did: its score, and how many of its edits could be read, were new and allowed, and ran."""

    score: float
    read: int
    new: int
    ran: int


class Pairs:
    """Measures pairs of a life. ``prompt_bytes`` are those of the weights that are judged, for both sides."""

    def __init__(self, life: Life, prompt_bytes: int, *, edits: int = EDITS) -> None:
        self.life, self.edits = life, edits
        self._prompts, self._versions = Prompts(life, prompt_bytes), Versions(life)
        # Normal forms of everything that was tried: what a model repeats is no gain of its own.
        self._known = {one.name: life.archive.forms(one.name) for one in objectives_of(life)}
        self.parents = self._held_out()

    def _held_out(self) -> list[Parent]:
        """Versions that no edit of was trained on: the best of the archive, and the certified line's."""
        found: list[Parent] = []
        for one in objectives_of(self.life):
            rows = self.life.archive.best(one.name, PARENTS, highest=one.better == "higher")
            for row in rows:
                files = {**own_files(self.life, one, row["version"]), **row["files"]}
                self._versions.take(one.name, {"id": row["id"], "version": row["version"], "files": row["files"]})
                found += [(one.name, row["id"])] if is_held_out(self._prompts.of(one.name, row["id"], files)) else []
            for version in self.life.state.versions:
                seen = self.life.version(one, version.number)
                held = is_held_out(self._prompts.of(one.name, seen.id, seen.files))
                found += [(one.name, seen.id)] if held and not version.rolled_back else []
        return sorted(set(found))

    def measure(self, seed: int, parents: Sequence[Parent], sides: Sequence[Weights]) -> list[Side]:
        """Both sides on the version and the samples that a seed stands for.

        Raises:
            Refused: weights could not be asked at all.
            SelfproofError: the jail failed, or the parent gives no answer.
        """
        key = seed.to_bytes(32, "big")
        name, parent = parents[derive(key, "parent") % len(parents)]
        files = self._versions.files(name, parent)
        assert files is not None
        made = [self._edits(side, name, parent, files, key) for side in sides]
        panels = [self._panel(name, derive(key, what) % 2**63, n) for what, n in (("choose", CHOOSE), ("score", SCORE))]
        origin = Candidate(parent, name, files)
        chosen = [self._best(origin, candidates, panels[0]) for candidates, _ in made]
        return [
            Side(self._score(origin, best, panels[1]), read, len(candidates), ran)
            for (candidates, read), (best, ran) in zip(made, chosen, strict=True)
        ]

    def _edits(self, side: Weights, name: str, parent: str, files: Files, key: bytes) -> tuple[list[Candidate], int]:
        """The new candidates that a side makes of a version, and how many of its answers could be read."""
        brief = self._prompts.brief(name, parent, files)
        prompt, found, read = self._prompts.of(name, parent, files), dict[str, Candidate](), 0
        for number in range(self.edits):
            self.life.pause_point()
            try:
                answer = side.ask(prompt, derive(key, "answer", number) % 2**63)
                suggestion = reply.suggestion(answer.text, brief)
            except Refused as why:
                if why.fatal:
                    raise
                continue
            except ProposerFailed:
                continue
            read += 1
            edit = Edit(name, dict(suggestion.files), suggestion.title, suggestion.operator, parent, "local model")
            objective = self.life.charter.objective(name)
            for candidate in admitted(self.life, objective, [edit], lambda _: files)[0]:
                form = self._form(name, candidate)
                if form is not None and form not in self._known[name]:
                    found.setdefault(form, candidate)
        return list(found.values()), read

    def _form(self, name: str, candidate: Candidate) -> str | None:
        """The normal form by which the life's search tells what was tried (`domains.quality`)."""
        objective = self.life.charter.objective(name)
        path, _, function = (objective.focus or (objective.entry,))[0].partition(":")
        start = own_files(self.life, objective, 0)
        if shape_of(start, start, path, function) is None:
            function = ""
        shape = shape_of(candidate.files, start, path, function)
        return None if shape is None or self.life.is_barred(candidate) else shape.form

    def _panel(self, name: str, seed: int, n: int) -> list[trials.Block]:
        task = self.life.tasks[name]
        assert isinstance(task, Task)
        return trials.prepare(task.samples("explore", seed, n))

    def _best(
        self, origin: Candidate, candidates: Sequence[Candidate], panel: Sequence[trials.Block]
    ) -> tuple[Candidate | None, int]:
        """The edit that gains most on a panel, None where none gains; and how many gave valid answers."""
        if not candidates:
            return None, 0
        before, *after = self._means([origin, *candidates], panel)
        sign = self._sign(origin.objective)
        gains = [(sign * (before - mean), one) for mean, one in zip(after, candidates, strict=True)
                 if before is not None and mean is not None]  # fmt: skip
        top = max(gains, key=lambda gain: (gain[0], gain[1].id), default=None)
        return (top[1] if top is not None and top[0] > 0 else None), len(gains)

    def _score(self, origin: Candidate, best: Candidate | None, panel: Sequence[trials.Block]) -> float:
        if best is None:
            return 0.0
        before, after = self._means([origin, best], panel)
        if before is None or after is None:
            return 0.0 if before is None else -1.0
        share = self._sign(origin.objective) * (before - after) / max(abs(before), 1e-12)
        return max(-1.0, min(1.0, share))

    def _sign(self, name: str) -> float:
        return 1.0 if self.life.charter.objective(name).better == "lower" else -1.0

    def _means(self, versions: Sequence[Candidate], panel: Sequence[trials.Block]) -> list[float | None]:
        """What each version scores on a panel, in processes of its own; None without a valid answer to all of it."""
        objective = self.life.charter.objective(versions[0].objective)
        task, limits = self.life.tasks[objective.name], self.life.limits_of(objective)
        assert isinstance(task, Task)
        parts = [[block] for block in panel] if task.seconds > 0 else [panel]  # long answers get a process each
        jobs = [trials.job(one.files, objective.entry, part, limits) for one in versions for part in parts]
        outcomes = paired.run(self.life, jobs, together=task.timed)
        scored = [[trial.score for trial in trials.score(task, parts[at % len(parts)], outcome)]
                  for at, outcome in enumerate(outcomes)]  # fmt: skip
        each = len(parts)
        return [_mean([*chain(*scored[at : at + each])]) for at in range(0, len(scored), each)]


def _mean(scores: Sequence[float | None]) -> float | None:
    valid = [score for score in scores if score is not None and math.isfinite(score)]
    return statistics.fmean(valid) if scores and len(valid) == len(scores) else None
