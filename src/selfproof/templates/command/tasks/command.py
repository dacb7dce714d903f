"""What one run of the command is worth. This file is yours: no edit reaches it, and it runs outside the jail.

A trial is one run of COMMAND in the jail, in a folder that holds the candidate's files. Each has a seed of its own, in
the environment variable SEED and wherever COMMAND says {seed}; candidate and incumbent get the same ones. The metric is
read here, from what the run left: "stdout" (the last `name: value`, `name=value` or `name value`, on standard output,
else on standard error), "FILE.json:KEY.KEY" or "FILE".

Does not protect against: a program that writes a metric which it did not reach, since it is its own script that says
so (the charter's `joint = true` has that in every certificate).
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from selfproof.nouns import Split
from selfproof.tasks import FiniteTask, InvalidAnswer, Sample, Task

COMMAND = "python train.py"
METRIC = "loss"
BETTER = "lower"
READ = "stdout"
SECONDS = 60.0  # of one run; later it is ended, and gives no answer
USUAL = 0.0  # seconds that a run took when this was set up: races are sized by it
ENVIRONMENT: dict[str, str] = {}

NUMBER = r"[-+]?(?:\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)(?![\w.])"
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Fresh(Task):
    """Runs differ by their seed: each is a fresh sample."""

    metric: ClassVar[str] = METRIC
    better: ClassVar[Any] = BETTER
    seconds: ClassVar[float] = USUAL

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` runs with seeds below 2^31; no two splits share any but by chance."""
        return [Sample(asked(random.Random(f"{split}|{seed}|{i}").randrange(1 << 31))) for i in range(n)]

    def draws(self, sample: Sample, answer: Any) -> Sequence[float]:
        """The metric of one run."""
        del sample
        return [value_of(answer)]

    def shown(self, sample: Sample, answer: object) -> str:
        """Nothing: what a run prints tells its score."""
        del sample, answer
        return ""


class Exact(FiniteTask):
    """Every run of one version gives the same value: one run is all there is, and two versions compare exactly."""

    metric: ClassVar[str] = METRIC
    better: ClassVar[Any] = BETTER
    seconds: ClassVar[float] = USUAL
    whole: ClassVar[bool] = True

    def items(self) -> Sequence[Sample]:
        """The one run."""
        return [Sample(asked(1))]

    def draws(self, sample: Sample, answer: Any) -> Sequence[float]:
        """The metric of one run."""
        del sample
        return [value_of(answer)]

    def shown(self, sample: Sample, answer: object) -> str:
        """Nothing: what a run prints tells its score."""
        del sample, answer
        return ""


def asked(seed: int) -> dict[str, Any]:
    """What the jail is told of one run."""
    file = "" if READ == "stdout" else READ.partition(":")[0]
    return {
        "command": COMMAND.replace("{seed}", str(seed)), "seed": seed, "seconds": SECONDS, "env": ENVIRONMENT,
        "collect": [file] if file else [],
    }  # fmt: skip


def value_of(answer: Any) -> float:
    """The metric of a run, finite.

    Raises:
        InvalidAnswer: the run failed, took too long, or left no such number.
    """
    check(answer)
    value = printed(answer) if READ == "stdout" else written(answer["files"], READ)
    if not math.isfinite(value):
        raise InvalidAnswer(f"{METRIC} is {value}")
    return value


def check(answer: Any) -> None:
    """Refuse what no run can have left, and a run that failed.

    Raises:
        InvalidAnswer: with the end of what it printed.
    """
    kinds = {"exit": int, "late": bool, "stdout": str, "stderr": str, "files": dict}
    if not isinstance(answer, dict) or any(not isinstance(answer.get(key), kind) for key, kind in kinds.items()):
        raise InvalidAnswer("not what selfproof_runner.py returns")
    if answer["late"]:
        raise InvalidAnswer(f"not done within {SECONDS:g} s: {last_words(answer)}")
    if answer["exit"] != 0:
        raise InvalidAnswer(f"exit code {answer['exit']}: {last_words(answer)}")


def last_words(answer: dict[str, Any]) -> str:
    """The last line that it printed, fit for a terminal."""
    lines = [line for name in ("stderr", "stdout") for line in reversed(answer[name].splitlines()) if line.strip()]
    return "".join(ch if ch.isprintable() else " " for ch in lines[0])[-200:] if lines else "it printed nothing"


def printed(answer: dict[str, Any]) -> float:
    """The last value of METRIC that the run printed.

    Raises:
        InvalidAnswer: it printed none.
    """
    for stream in ("stdout", "stderr"):
        found = last_value(answer[stream], METRIC)
        if found is not None:
            return found
    raise InvalidAnswer(f"no `{METRIC}: value` in the end of what it printed: {last_words(answer)}")


def last_value(text: str, name: str) -> float | None:
    """The last `name: value`, `name=value` or `name value` of a text, whatever stands around it."""
    pattern = rf"""(?<![\w./-]){re.escape(name)}["']?\s*(?:[:=]\s*|\s)({NUMBER})"""
    found = re.findall(pattern, COLOURS.sub("", text), re.IGNORECASE)
    return number(found[-1]) if found else None


def written(files: dict[str, Any], where: str) -> float:
    """The value in a file that the run left: at a key of a JSON file, or in its text.

    Raises:
        InvalidAnswer: there is no such file, key or number.
    """
    path, _, keys = where.partition(":")
    content = files.get(path)
    if not isinstance(content, bytes):
        raise InvalidAnswer(f"the run left no {path} of at most 4 MB")
    text = content.decode("utf-8", "replace")
    if not keys and not path.endswith(".json"):
        value = last_value(text, METRIC)
        return number(text.strip()) if value is None else value
    try:
        found = json.loads(text)
        for key in keys.split(".") if keys else [METRIC]:
            found = found[int(key)] if isinstance(found, list) else found[key]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise InvalidAnswer(f"{where}: {type(error).__name__}: {error}") from None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise InvalidAnswer(f"{where} is no number")
    return number(found)


def number(value: str | float) -> float:
    """A number from text.

    Raises:
        InvalidAnswer: it is none.
    """
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise InvalidAnswer(f"{str(value)[:80]!r} is no number") from None
