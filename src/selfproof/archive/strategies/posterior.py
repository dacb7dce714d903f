"""Strategies that draw from Beta posteriors: Thompson sampling over nodes, and the Huxley-Gödel Machine over clades.

Source of the second: HGM (the paper's best-belief rule, and ``hgm.py`` for alpha, tau and the candidates). Two faults
of the published code are not here: its clade counts changed whenever they were read (``nodes`` is frozen), and it can
make nothing of a start that never passed, since only nodes that passed may be expanded (where none has, here all may).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from selfproof.archive.strategies.beta import beta_quantile
from selfproof.archive.strategies.nodes import Counts, Evidence, Node, by_id, clades, present
from selfproof.archive.strategies.protocol import Action, Evaluate, Expand, Stages, evaluation
from selfproof.archive.strategies.weighted import ONE_STAGE


def draw(counts: Mapping[str, Counts], rng: random.Random, tau: float = 1.0) -> str:
    """Thompson: the id with the largest draw from Beta(tau (1 + passed), tau (1 + failed)); ids are drawn for in order.

    Raises:
        ValueError: nothing to choose from.
    """
    if not counts:
        raise ValueError("there is no node to choose from")
    ordered = sorted(counts.items())
    return max((rng.betavariate(tau * (1 + passed), tau * (1 + failed)), name) for name, (passed, failed) in ordered)[1]


def own(nodes: tuple[Node, ...]) -> dict[str, Counts]:
    """Each node's own counts."""
    return {node.id: Counts(node.passed, node.failed) for node in nodes}


@dataclass(frozen=True)
class Thompson:
    """Expand the node whose own posterior Beta(1 + S, 1 + F) gives the largest draw; hand over the best mean of one."""

    stages: Stages = ONE_STAGE

    def next(self, evidence: Evidence, rng: random.Random) -> Action:
        """What to do now: evaluate what is new, else expand."""
        return evaluation(evidence, self.stages) or Expand(self.parents(evidence, 1, rng)[0])

    def parents(self, evidence: Evidence, n: int, rng: random.Random) -> list[str]:
        """Ids of ``n`` nodes, each the winner of a draw of its own."""
        counts = own(present(evidence))
        return [draw(counts, rng) for _ in range(n)]

    def output(self, evidence: Evidence) -> str:
        """The node with the highest posterior mean (1 + S) / (2 + S + F) among those that were ever run."""
        run = [node for node in present(evidence) if node.runs] or present(evidence)
        return min(run, key=lambda node: (-(1 + node.passed) / (2 + node.runs), node.size, node.id)).id


@dataclass(frozen=True)
class Hgm:
    """Huxley-Gödel Machine: whether to expand or to evaluate hangs on the budget; parents are drawn by their clades.

    ``alpha`` sets how fast the tree grows, ``beta`` how fast draws harden towards the budget's end (with ``cool_down``
    and a known budget), ``cap`` what a node's own record counts at most in its clade, ``epsilon`` the quantile of the
    output. The source gives .6, 1, 10000 and, in percent, 1.
    """

    alpha: float = 0.6
    beta: float = 1.0
    cool_down: bool = True
    cap: int | None = 10_000
    epsilon: float = 0.01
    workers: int = 1

    def tau(self, evidence: Evidence) -> float:
        """(B / (B - N))^beta after N of B task runs, 10000 from the end on; 1 without a budget or cool-down."""
        if evidence.budget is None or not self.cool_down:
            return 1.0
        left = evidence.budget - evidence.spent
        return min(10_000.0, math.pow(evidence.budget / left, self.beta)) if left > 0 else 10_000.0

    def expands(self, evidence: Evidence) -> bool:
        """Whether N^alpha >= |T| - 1 + pending: the tree may grow as the evidence grows."""
        return math.pow(evidence.spent, self.alpha) >= len(evidence.nodes) - 1 + evidence.pending

    def next(self, evidence: Evidence, rng: random.Random) -> Action:
        """What to do now: expand, or run one node on one task."""
        open_ = {node.id: node for node in present(evidence) if evidence.tasks is None or node.runs < evidence.tasks}
        if self._warming_up(evidence):
            return Expand(next(node.id for node in by_id(evidence.nodes) if node.parent is None))
        if self.expands(evidence) or not open_:
            return Expand(self.parents(evidence, 1, rng)[0])
        return Evaluate(draw(own(tuple(open_.values())), rng, self.tau(evidence)), 1)

    def _warming_up(self, evidence: Evidence) -> bool:
        """The first expansions, at most 5 and as many as workers**alpha, are the root's."""
        return len(evidence.nodes) - 1 + evidence.pending < min(5.0, math.pow(self.workers, self.alpha))

    def parents(self, evidence: Evidence, n: int, rng: random.Random) -> list[str]:
        """Ids of ``n`` nodes, each the winner of a draw over clades, among the nodes that passed a task themselves."""
        passed = {node.id for node in present(evidence) if node.passed > 0}
        counts = {name: pair for name, pair in clades(evidence, self.cap).items() if not passed or name in passed}
        tau = self.tau(evidence)
        return [draw(counts, rng, tau) for _ in range(n)]

    def output(self, evidence: Evidence) -> str:
        """Best belief: the node with the highest epsilon-quantile of Beta(1 + S, 1 + F)."""
        return min(present(evidence), key=self._belief).id

    def _belief(self, node: Node) -> tuple[float, int, str]:
        return -beta_quantile(self.epsilon, 1 + node.passed, 1 + node.failed), node.size, node.id
