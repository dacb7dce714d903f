"""Strategies that draw a parent with probabilities that can be written down, and hand over the highest score.

All evaluate a new node at once, in stages. Sources: Darwin Gödel Machine, ``DGM_outer.choose_selfimproves``;
HyperAgents, ``gl_utils.select_parent``; MAP-Elites (Mouret and Clune 2015); ``archive.population`` for the default.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass

from selfproof.archive.population import Member, Population
from selfproof.archive.strategies.nodes import Evidence, Node, best, order, present, scored
from selfproof.archive.strategies.protocol import Action, Expand, Stages, evaluation

ONE_STAGE: Stages = ((10, 0.0),)


@dataclass(frozen=True)
class Weighted(ABC):
    """Evaluate what is new, else expand a node drawn by ``probabilities``."""

    stages: Stages = ONE_STAGE

    @abstractmethod
    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """The chance of every node to be the next parent; they sum to 1."""

    def next(self, evidence: Evidence, rng: random.Random) -> Action:
        """What to do now."""
        return evaluation(evidence, self.stages) or Expand(self.parents(evidence, 1, rng)[0])

    def parents(self, evidence: Evidence, n: int, rng: random.Random) -> list[str]:
        """Ids of ``n`` nodes to expand, drawn with replacement."""
        chances = sorted((name, p) for name, p in self.probabilities(evidence).items() if p > 0)
        return rng.choices([name for name, _ in chances], [p for _, p in chances], k=n)

    def output(self, evidence: Evidence) -> str:
        """The node with the highest observed score."""
        return best(evidence).id


def _shares(weights: dict[str, float]) -> dict[str, float]:
    """Weights as shares of their sum."""
    total = math.fsum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _certain(evidence: Evidence, chosen: Node) -> dict[str, float]:
    return {node.id: float(node.id == chosen.id) for node in evidence.nodes}


def squashed(score: float, middle: float = 0.5) -> float:
    """1 / (1 + exp(-10 (score - middle)))."""
    return 1 / (1 + math.exp(-10 * (score - middle)))


class Greedy(Weighted):
    """Always the node with the highest score."""

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """All on one node."""
        scored(evidence)
        return _certain(evidence, best(evidence))


class Dgm(Weighted):
    """Darwin Gödel Machine: P(a) ~ sigmoid(s(a)) / (1 + children(a))."""

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """By score, less for each child."""
        scores = scored(evidence)
        return _shares({node.id: squashed(scores[node.id]) / (1 + node.children) for node in evidence.nodes})


class ScoreOnly(Weighted):
    """Darwin Gödel Machine, variant score_prop: P(a) ~ sigmoid(s(a))."""

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """By score alone."""
        return _shares({name: squashed(score) for name, score in scored(evidence).items()})


class Uniform(Weighted):
    """Darwin Gödel Machine, variant random: all alike."""

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """The same for each node."""
        return {node.id: 1 / len(evidence.nodes) for node in present(evidence)}


class LatestOnly(Weighted):
    """Darwin Gödel Machine, baseline no_darwin: the node that came last. The one strategy that asks for the order."""

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """All on the last node."""
        return _certain(evidence, present(evidence)[-1])


@dataclass(frozen=True)
class Hyperagents(Weighted):
    """HyperAgents: P(a) ~ 1 / (1 + exp(-10 (s(a) - m))) exp(-(children(a) / 8)^3), m the mean of the three top scores.

    With ``full`` (task runs of a whole evaluation), a node with fewer runs has its score scaled by its share of them.
    """

    full: int = 0

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """By score around the top, hardly any after a dozen children."""
        raw = scored(evidence)
        scores = {node.id: raw[node.id] * self._share(node) for node in evidence.nodes}
        top = sorted(scores.values(), reverse=True)[:3]
        middle = math.fsum(top) / len(top)
        # In logarithms: after 73 children a weight is 0 in floating point, and so would be the sum of such weights.
        logs = {
            node.id: -math.log1p(math.exp(-10 * (scores[node.id] - middle))) - (node.children / 8) ** 3
            for node in evidence.nodes
        }
        most = max(logs.values())
        return _shares({name: math.exp(log - most) for name, log in logs.items()})

    def _share(self, node: Node) -> float:
        return min(1.0, node.runs / self.full) if self.full else 1.0


class MapElites(Weighted):
    """MAP-Elites: cells by structure and by size in powers of two; the parent is any cell's best, all cells alike."""

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """The same for each elite, none for the others."""
        elites = {node.id for node in self.elites(evidence).values()}
        return {node.id: (node.id in elites) / len(elites) for node in evidence.nodes}

    def elites(self, evidence: Evidence) -> dict[tuple[str, int], Node]:
        """The best node of each cell."""
        scored(evidence)
        cells: dict[tuple[str, int], list[Node]] = {}
        for node in evidence.nodes:
            cells.setdefault((node.structure, node.size.bit_length()), []).append(node)
        return {cell: min(nodes, key=order) for cell, nodes in cells.items()}


class Default(Weighted):
    """What selfproof's own search does (``archive.population``), on losses 1 - s: its members as after a redraw.

    30% of the draws from the top with exponential decay, 70% tournaments of four, among the at most 60 members that
    its rules keep: no two with one score, three of one structure, ranked with a small price for size.
    """

    def population(self, evidence: Evidence) -> Population:
        """The nodes as members, those that are kept."""
        scores = scored(evidence)
        found = Population()
        found.replace_all(
            [Member(node.id, "", (1.0 - scores[node.id],), node.size, node.structure) for node in evidence.nodes]
        )
        return found

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """By rank: .3 P(the decay stops here) + .7 P(the best of four is here); 0 for who is no member."""
        members = self.population(evidence).members
        count = len(members)
        chances = {node.id: 0.0 for node in evidence.nodes}
        for place, member in enumerate(members):
            beyond = 0.0 if place == count - 1 else math.exp(-(place + 1) / 1.5)
            decay = math.exp(-place / 1.5) - beyond
            tournament = ((count - place) ** 4 - (count - place - 1) ** 4) / count**4
            chances[member.id] = 0.3 * decay + 0.7 * tournament
        return chances

    def parents(self, evidence: Evidence, n: int, rng: random.Random) -> list[str]:
        """Drawn by the population's own code."""
        return [member.id for member in self.population(evidence).parents(n, rng)]
