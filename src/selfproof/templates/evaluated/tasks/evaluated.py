"""An evaluator of another tool as a task: each trial runs it on the program, and the score is read here.

The evaluator's files are in `original/`, as they were; `support/` is what they import of their tool. They are sent
into the jail with each trial and run there in one process with the program, so that a program could change its own
score: the charter says `joint`, and so does every certificate.
"""

from __future__ import annotations

import base64
import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from selfproof.nouns import Better, Split
from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import InvalidAnswer, Sample, Task

from .settings import ASK, EXAMPLES, IGNORED, SECONDS, STAGE

FOLDERS = ("original", "support")
PACKED = ".base64"  # how a file that is no text is kept
LONGEST = 4000  # characters of what an evaluator says that a proposer is shown


@cache
def files() -> dict[str, str | bytes]:
    """The evaluator's files by their paths."""
    here, found = Path(__file__).parent, dict[str, str | bytes]()
    for path in sorted(path for folder in FOLDERS for path in (here / folder).rglob("*") if path.is_file()):
        name, text = path.relative_to(here).as_posix(), path.read_text("utf-8")
        if "__pycache__" not in path.parts:
            packed = name.endswith(PACKED)
            found[name.removesuffix(PACKED)] = base64.b64decode(text) if packed else text
    return found


def asked(seed: int, **more: Any) -> Sample:
    """One run of the evaluator."""
    return Sample({**ASK, "action": "evaluate", "files": files(), "seed": seed, "index": None, **more})


def score_of(answer: object) -> float:
    """The combined score where there is one, else the mean of all other metrics.

    Raises:
        InvalidAnswer: no number, one that is not finite, or an earlier stage than the program reached at first:
            scores of different stages do not compare.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("metrics"), dict):
        raise InvalidAnswer("the evaluator's answer has no metrics")
    stage = answer.get("stage")
    if not isinstance(stage, int) or stage < STAGE:
        raise InvalidAnswer(f"it ends at stage {stage}, where the first program passed")
    found = {name: value for name, value in answer["metrics"].items() if isinstance(value, float)}
    score = found["combined_score"] if "combined_score" in found else _mean(found)
    if not math.isfinite(score):
        raise InvalidAnswer("the score is not finite")
    return score


def _mean(found: Mapping[str, float]) -> float:
    counted = [value for name, value in found.items() if name not in IGNORED] or list(found.values())
    if not counted:
        raise InvalidAnswer("the evaluator gave no number")
    return math.fsum(counted) / len(counted)


def said(answer: object) -> str:
    """What the evaluator says of a program in words: its artifacts, no metric."""
    told = answer.get("artifacts") if isinstance(answer, dict) else None
    lines = [f"{name}: {text}" for name, text in told.items()] if isinstance(told, dict) else []
    return "\n".join(lines)[:LONGEST]


class Evaluated(Task):
    """What all kinds have in common."""

    metric: ClassVar[str] = "combined_score"
    better: ClassVar[Better] = "higher"
    seconds: ClassVar[float] = SECONDS

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """The score of one run."""
        return [score_of(answer)]

    def shown(self, sample: Sample, answer: object) -> str:
        """What a proposer is told of a run: the evaluator's words."""
        return said(answer)


class Exact(Evaluated, FiniteTask):
    """The same program always scores the same: the evaluator with two seeds is all there is to know.

    With examples they are the whole population: the claim is about exactly these.
    """

    whole: ClassVar[bool] = True

    def items(self) -> Sequence[Sample]:
        """One sample for each example, or two runs of the evaluator."""
        if EXAMPLES:
            return [asked(1, index=number) for number in EXAMPLES]
        return [asked(seed) for seed in (1, 2)]


class HeldOut(Exact):
    """The examples stand for others of their kind: some are searched on, others confirm."""

    whole: ClassVar[bool] = False


class Noisy(Evaluated):
    """The score differs from run to run: every pair is one run of each program with a fresh seed."""

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` runs with seeds of their own, each on an example where there are any."""
        rng = random.Random(f"{split}|{seed}")
        return [asked(rng.getrandbits(31), index=rng.choice(EXAMPLES) if EXAMPLES else None) for _ in range(n)]

    def pool(self, split: Split) -> dict[str, object]:
        """The evaluator by its hash: its runs are what is drawn from."""
        digest = hashlib.sha256()
        for path, content in sorted(files().items()):
            data = content if isinstance(content, bytes) else content.encode()
            digest.update(f"{path}\0{len(data)}\0".encode() + data)
        return {"split": split, "evaluator": digest.hexdigest()}
