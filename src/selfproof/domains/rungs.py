"""A candidate's way up the rungs of a race on the explore panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from selfproof.trial import blocks as trials
from selfproof.trial.task import Task

RUNGS = {1: 0.03, 3: 0.015, 5: 0.008}
"""After so many blocks a candidate leaves if it trails the bar by more than this share of it."""


class Rungs:
    """One candidate's way: ends its job once it repeats known answers or trails the bar.

    ``sign`` is 1 where a lower score is better, else -1; ``scores`` and ``bar`` are so turned that lower is better.
    ``known`` says whether a first score is one that was seen before.
    """

    def __init__(
        self, task: Task, panel: Sequence[trials.Block], sign: float, rungs: Mapping[int, float],
        bar: Sequence[float] | None, known: Callable[[float], bool],
    ) -> None:  # fmt: skip
        self._task, self._panel, self._sign = task, panel, sign
        self._rungs, self._bar, self._known = rungs, bar, known
        self.scores: list[float] = []

    def go_on(self, position: int, output: bytes) -> bool:
        """Score one answer in the engine; whether to ask for the next."""
        del self.scores[position:]  # the job may have begun again, in another process
        score = trials.score_answer(self._task, self._panel[position].sample, output)
        if score is None:
            return False
        self.scores.append(self._sign * score)
        if position == 0 and self._known(self.scores[0]):
            return False
        slack = self._rungs.get(position + 1)
        if self._bar is None or slack is None:
            return True
        theirs = sum(self._bar[: position + 1]) / (position + 1)
        return sum(self.scores) / len(self.scores) - theirs <= slack * abs(theirs)
