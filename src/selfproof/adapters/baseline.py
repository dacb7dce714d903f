"""The first program, measured: what it scores, how much that differs from run to run, what an evaluation takes."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from selfproof.adapters import probing
from selfproof.adapters.base import ENTRY, Imported, NotUnderstood
from selfproof.adapters.probing import Asked, demanded
from selfproof.jail import Pool
from selfproof.projects import runs
from selfproof.projects.runs import LEAST_PAIRS, USUAL_PAIRS, time_told
from selfproof.projects.writing import Draft
from selfproof.trial import blocks as trials
from selfproof.trial.task import InvalidAnswer, Sample, Task

EXAMPLES_TRIED = 3
LEAST_DEADLINE_S = 10.0
SHORT_S = 1.0
LONG_S = 60.0  # an evaluation that takes longer is not repeated with the same seed
ROOM = 20  # times what the first program takes, where nobody said how long an evaluation may take
SEEDS = (1, 1, 2)  # the first twice: what repeats with a seed, and what a seed changes


@dataclass(frozen=True)
class Baseline:
    """What running the first program showed.

    ``repeats`` says whether a run with the same seed gives the same score, ``steady`` whether one with another seed
    does too; ``stage`` is the last stage that it reached, ``deadline_s`` a ceiling for one evaluation.
    """

    scores: tuple[float, ...]
    repeats: bool
    steady: bool
    stage: int
    seconds: float
    deadline_s: float
    told: tuple[str, ...]

    @property
    def usual(self) -> float:
        """What the task says that an evaluation takes; 0.0 where many fit into a moment and repeat.

        Anything else is raced on fresh pairs, each run in a process of its own.
        """
        return 0.0 if self.repeats and self.seconds < SHORT_S else round(max(self.seconds, 0.001), 3)

    @property
    def exact(self) -> bool:
        """Whether versions can be compared without statistics."""
        return self.repeats and self.steady


def measure(imported: Imported, draft: Draft) -> Baseline:
    """Run the first program twice with one seed (once where it takes long), then with another; on a few examples.

    ``draft`` is the living program as far as it is known: its task says what is asked, and what an answer scores.

    Raises:
        NotUnderstood: it does not run, or gives no score.
        JailUnavailable: this machine cannot isolate as strongly as the task needs.
    """
    examples = imported.examples[:EXAMPLES_TRIED] or (None,)
    rows: list[list[float]] = []
    answers: list[Asked] = []
    files, limits = probing.program_of(imported), probing.limits_of(imported)
    with tempfile.TemporaryDirectory(prefix="selfproof-import-") as scratch, Pool(1, grants=limits.grants) as pool:
        _, task = runs.drafted(Path(scratch), draft)
        for seed in SEEDS:
            if len(rows) == 1 and answers[0].seconds > LONG_S and seed == SEEDS[0]:
                continue
            asked = [sys.modules[type(task).__module__].asked(seed, index=index) for index in examples]
            jobs = [trials.job(files, ENTRY, [block], limits) for block in trials.prepare(asked)]
            found = [probing.read(outcome) for outcome in pool.map(jobs)]
            rows.append([_score(task, sample, answer) for sample, answer in zip(asked, found, strict=True)])
            answers += found
    return _made(imported, rows, answers)


def _made(imported: Imported, rows: Sequence[Sequence[float]], answers: Sequence[Asked]) -> Baseline:
    """What runs with the first seed, perhaps again with it, and with another seed showed."""
    slowest = max(answer.seconds for answer in answers)
    found = Baseline(
        scores=tuple(math.fsum(row) / len(row) for row in rows),
        repeats=rows[0] == rows[1],  # with two rows: another seed gave the same, or nobody knows
        steady=rows[0] == rows[-1],
        stage=min(answer.answer["stage"] for answer in answers),
        seconds=slowest,
        deadline_s=imported.settings.deadline_s or max(LEAST_DEADLINE_S, ROOM * slowest),
        told=(),
    )
    return replace(found, told=tuple(_told(imported, found, answers)))


def _score(task: Task, sample: Sample, asked: Asked) -> float:
    answer = demanded(asked, "the first program's evaluation")
    try:
        (score,) = task.draws(sample, answer)
    except InvalidAnswer as error:
        words = answer.get("artifacts") if isinstance(answer, dict) else None
        raise NotUnderstood(
            f"the evaluator gives the first program no score: {error}" + (f" ({str(words)[:300]})" if words else ""),
            advice="It needs a finite combined_score, or other numbers.",
        ) from None
    return score


def _told(imported: Imported, found: Baseline, answers: Sequence[Asked]) -> list[str]:
    told = [
        f"baseline: {', '.join(f'{score:.6g}' for score in found.scores)} (seeds {_seeds(found)}): "
        f"{_kind(imported, found)}",
        f"one evaluation takes {time_told(found.seconds)}; it is ended after {time_told(found.deadline_s)}",
    ]
    if imported.held_out or not found.exact:
        least, usual = (2 * n * found.seconds / imported.settings.workers for n in (LEAST_PAIRS, USUAL_PAIRS))
        told.append(
            f"a confirmation takes at least {LEAST_PAIRS} pairs of evaluations ({time_told(least)}), {USUAL_PAIRS} "
            f"where the gain is as large as the noise ({time_told(usual)}), more where smaller"
        )
    stages = max(int(answer.answer["stages"]) for answer in answers)
    if found.stage < stages:
        told.append(f"the first program ends at stage {found.stage} of {stages}")
    words = answers[0].answer["artifacts"]
    if "error" in words:
        told.append(f"the evaluator says of the first program: error: {words['error'][:200]}")
    return told


def _seeds(found: Baseline) -> str:
    return ", ".join(str(seed) for seed in (SEEDS if len(found.scores) == len(SEEDS) else SEEDS[1:]))


def _kind(imported: Imported, found: Baseline) -> str:
    """What the runs say of the noise, and what follows."""
    if not found.repeats:
        return "it differs from run to run: versions are compared on fresh pairs"
    if imported.held_out:
        return "the same every time on one example: examples of their own confirm"
    if not found.steady:
        return "it depends on the seed: versions are compared on fresh pairs, both with the same seed"
    return "the same every time: versions are compared exactly, no alpha is spent"
