"""What a strategy is: it names the next action, draws parents, and says in the end which node it would hand over."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from selfproof.archive.strategies.nodes import Evidence, by_id


@dataclass(frozen=True, slots=True)
class Expand:
    """Make a child of this node."""

    parent: str


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Run this node on that many more tasks."""

    node: str
    runs: int


Action = Expand | Evaluate


class Strategy(Protocol):
    """Pure functions of the evidence: no state of its own, nothing that it reads is changed.

    All three raise ValueError where the evidence has no node, or one that they need has no score.
    """

    def next(self, evidence: Evidence, rng: random.Random) -> Action:
        """What to do now."""
        ...

    def parents(self, evidence: Evidence, n: int, rng: random.Random) -> list[str]:
        """Ids of ``n`` nodes to expand, drawn with replacement."""
        ...

    def output(self, evidence: Evidence) -> str:
        """The id of the node that the search hands over if it ends now."""
        ...


Stages = tuple[tuple[int, float], ...]
"""(task runs in all, least score that is given them), the runs rising; the first is for every new node."""


def evaluation(evidence: Evidence, stages: Stages) -> Evaluate | None:
    """The evaluation that is due: of the first node, by id, with fewer task runs than its stage; None if none is.

    A node with a score and no counted runs was scored elsewhere: it is left alone.
    """
    for node in by_id(evidence.nodes):
        if node.score is None:
            return Evaluate(node.id, _most(stages[0][0], evidence.tasks))
        for runs, least in stages[1:]:
            missing = _most(runs, evidence.tasks) - node.runs
            if node.runs > 0 and missing > 0 and node.score >= least:
                return Evaluate(node.id, missing)
    return None


def _most(runs: int, tasks: int | None) -> int:
    return runs if tasks is None else min(runs, tasks)
