"""Your tests, as something that must never get worse: run twice for each version, compared exactly. Yours to change.

What counts is how many pass: of pytest and unittest the number that they tell, of anything else whether it exits
with 0.

Does not protect against: an edit that makes the tests lie, since its code runs in the same process as they do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from selfproof.tasks import FiniteTask, InvalidAnswer, Sample

COMMAND = "python -m pytest -q tests"
PASSING = 1  # at the start
SECONDS = 60.0  # of one run of all tests
ENVIRONMENT: dict[str, str] = {}

PYTEST = re.compile(r"^=*\s*((?:\d+ \w+(?:, )?)+) in [\d.]+s", re.MULTILINE)
UNITTEST = re.compile(r"^Ran (\d+) tests? in [\d.]+s\s+(OK|FAILED)(?: \((.*)\))?\s*$", re.MULTILINE)


class Suite(FiniteTask):
    """One run of all tests; the score is how many fewer pass than at the start."""

    metric: ClassVar[str] = "tests lost"
    better: ClassVar[Any] = "lower"
    whole: ClassVar[bool] = True

    def items(self) -> Sequence[Sample]:
        """All tests at once."""
        asked = {"command": COMMAND, "seed": 1, "seconds": SECONDS, "env": ENVIRONMENT, "collect": []}
        return [Sample(asked)]

    def draws(self, sample: Sample, answer: Any) -> Sequence[float]:
        """How many tests are lost."""
        del sample
        return [float(PASSING - passing(answer))]


def passing(answer: Any) -> int:
    """How many tests pass.

    Raises:
        InvalidAnswer: they were not run to their end.
    """
    kinds = {"exit": int, "late": bool, "stdout": str, "stderr": str}
    if not isinstance(answer, dict) or any(not isinstance(answer.get(key), kind) for key, kind in kinds.items()):
        raise InvalidAnswer("not what selfproof_runner.py returns")
    if answer["late"]:
        raise InvalidAnswer(f"the tests were not done within {SECONDS:g} s")
    if answer["exit"] not in (0, 1):
        raise InvalidAnswer(f"the tests were not run to their end: exit code {answer['exit']}")
    if found := PYTEST.findall(answer["stdout"]):
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", found[-1])}
        return counts.get("passed", 0)
    if ran := UNITTEST.findall(answer["stderr"]):
        total, _, rest = ran[-1]
        return int(total) - sum(int(n) for kind, n in re.findall(r"(\w+)=(\d+)", rest) if kind in LOST)
    said_nothing = re.search(r"\b(pytest|unittest)\b", COMMAND)  # they always tell: something ended them
    return int(answer["exit"] == 0 and not said_nothing)


LOST = frozenset({"failures", "errors", "skipped", "successes"})  # the last: unexpected ones
