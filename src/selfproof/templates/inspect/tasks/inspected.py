"""Samples of an Inspect task; the program answers, Inspect's own scorer judges here, outside the jail.

The targets are in `samples.json` and never leave this side. The task's own solver is not run: the program takes its
place.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from selfproof.nouns import Better, UsageError
from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import InvalidAnswer, Sample

from .settings import ARGUMENTS, MODULE, SCORER, SECONDS, SPAN

HERE = Path(__file__).parent
NAME = "selfproof/program"
_LETTERS = re.compile(r"(?:ANSWER\s*:\s*)?([A-Z](?:\s*[,;]?\s*[A-Z])*)\s*\.?", re.IGNORECASE)


def inspect_ai(part: str) -> Any:
    """A part of Inspect, imported when it is first needed.

    Raises:
        UsageError: Inspect is not installed.
    """
    try:
        return importlib.import_module(f"inspect_ai.{part}")
    except ImportError:
        raise UsageError(
            "this program's task is scored by Inspect, which is not installed",
            advice="pip install 'selfproof[inspect]'",
        ) from None


@cache
def scorer() -> Any:
    """The task's scorer: one of Inspect's own, or the user's from ``original/``.

    Raises:
        UsageError: Inspect is not installed, or there is no such scorer any more.
    """
    home = _loaded(HERE / "original" / MODULE) if MODULE else inspect_ai("scorer")
    made = getattr(home, SCORER, None)
    if made is None:
        raise UsageError(f"{MODULE or 'Inspect'} has no scorer {SCORER}")
    return made(**ARGUMENTS)


def _loaded(path: Path) -> Any:
    sys.path.insert(0, str(path.parent))
    try:
        spec = importlib.util.spec_from_file_location("selfproof_inspected", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def judged(value: dict[str, Any], hidden: dict[str, Any], answer: str) -> float:
    """What Inspect's scorer says of an answer, as a number.

    Raises:
        InvalidAnswer: it gives no number.
    """
    scorers = inspect_ai("scorer")
    target = scorers.Target(hidden["target"])
    state = inspect_ai("solver").TaskState(
        model=NAME, sample_id=1, epoch=1, input=value["input"], messages=[], choices=value.get("choices"),
        output=inspect_ai("model").ModelOutput.from_content(NAME, answer), target=target, metadata=hidden["metadata"],
    )  # fmt: skip
    for number, _ in enumerate(value.get("choices") or ()):
        state.choices.mark_choice(number, chr(ord("A") + number) in chosen(answer))
    score = asyncio.run(scorer()(state, target))
    found = None if score is None else score.value
    if isinstance(found, bool | int | float | str):
        return float(scorers.value_to_float()(found))
    raise InvalidAnswer(f"the scorer gives {type(found).__name__}, not one value")


def chosen(answer: str) -> set[str]:
    """The letters that an answer to a multiple-choice question names: "B", "A, C", "ANSWER: B"."""
    last = answer.strip().splitlines()[-1].strip() if answer.strip() else ""
    match = _LETTERS.fullmatch(last)
    return set(re.findall("[A-Z]", match[1].upper())) if match else set()


class HeldOut(FiniteTask):
    """The samples stand for others of their kind: some are searched on, others confirm."""

    metric: ClassVar[str] = "score"
    better: ClassVar[Better] = "higher"
    span: ClassVar[float | None] = SPAN
    seconds: ClassVar[float] = SECONDS

    def items(self) -> Sequence[Sample]:
        """Every sample of the dataset, its target hidden."""
        rows = json.loads((HERE / "samples.json").read_text("utf-8"))
        return [Sample(row["value"], row["hidden"]) for row in rows]

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """The scorer's value for one answer."""
        if not isinstance(answer, str):
            raise InvalidAnswer("the answer must be a text")
        return [judged(sample.value, sample.hidden, answer)]


class Whole(HeldOut):
    """The samples are all there is: every version is compared on exactly these."""

    whole: ClassVar[bool] = True
