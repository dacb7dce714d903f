"""Worlds for search strategies: a tree that grows by expansion, in which each node's true score is known.

A child's true score is its parent's plus a step. Nodes belong to *lineages* that differ in their steps and are mostly
inherited, so that what a node looks like and what its descendants will be are two things:

``fertile``    a fifth of the start's children found lineages whose children tend to be better; the others' get worse.
``deceptive``  a quarter do so, but look worse than the start themselves; the others look better, and are barren.
``plain``      one lineage: children are a little worse on average, and some are better.
``flat``       one lineage: no child is ever better than its parent; half are worse.

A score is the chance to pass a task; what a strategy sees are passes and failures. Child number j of a node, and the
results of its runs, hang on the world's seed and the path alone: two strategies that ask the same get the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from selfproof.archive.strategies import Evidence, Expand, Node, Strategy
from selfproof.nouns import UsageError

LOWEST, HIGHEST = 0.01, 0.99
NEW_STRUCTURE = 0.3
SIZE_SPREAD = 0.15
START_SIZE = 100


@dataclass(frozen=True)
class Step:
    """A normal step of the true score, cut off above ``most``."""

    mean: float
    spread: float
    most: float = 1.0

    def draw(self, rng: random.Random) -> float:
        """One step."""
        return min(self.most, rng.gauss(self.mean, self.spread))


@dataclass(frozen=True)
class Lineage:
    """``share`` of the start's children belong to it.

    ``first`` is their own step, ``later`` that of their descendants, which stay in the lineage with probability
    ``stays`` (or else draw one by share, as the start's children do).
    """

    share: float
    first: Step
    later: Step
    stays: float = 0.95


@dataclass(frozen=True)
class TreeWorld:
    """The start's true score, and the lineages."""

    name: str
    start: float
    lineages: tuple[Lineage, ...]


_PLAIN, _FLAT = Step(-0.01, 0.05), Step(0.0, 0.05, most=0.0)

WORLDS = {
    "fertile": TreeWorld("fertile", 0.3, (
        Lineage(0.2, Step(0.0, 0.03), Step(0.02, 0.04)), Lineage(0.8, Step(0.0, 0.03), Step(-0.03, 0.03)),
    )),
    "deceptive": TreeWorld("deceptive", 0.3, (
        Lineage(0.25, Step(-0.06, 0.02), Step(0.025, 0.04)), Lineage(0.75, Step(0.08, 0.03), Step(-0.04, 0.03)),
    )),
    "plain": TreeWorld("plain", 0.3, (Lineage(1.0, _PLAIN, _PLAIN),)),
    "flat": TreeWorld("flat", 0.3, (Lineage(1.0, _FLAT, _FLAT),)),
}  # fmt: skip


def world(name: str) -> TreeWorld:
    """The world of that name.

    Raises:
        UsageError: there is none; the advice lists the names.
    """
    if name not in WORLDS:
        raise UsageError(f"no world is called {name!r}", advice=f"Worlds: {', '.join(WORLDS)}.")
    return WORLDS[name]


@dataclass
class _Truth:
    """What a strategy does not see of a node, and where its runs come from."""

    score: float
    lineage: Lineage | None
    rng: random.Random


class Tree:
    """One world being searched: task runs are counted, expansions are free. The start's id is "0"."""

    def __init__(self, tree_world: TreeWorld, seed: int, budget: int) -> None:
        self.world, self.seed, self.budget = tree_world, seed, budget
        self.spent = 0
        self._nodes = {"0": Node("0", size=START_SIZE, structure="0")}
        self._truth = {"0": _Truth(tree_world.start, None, self._rng("0"))}

    def _rng(self, path: str) -> random.Random:
        return random.Random(f"{self.world.name} {self.seed} {path}")

    @property
    def evidence(self) -> Evidence:
        """What a strategy may know now."""
        return Evidence(tuple(self._nodes.values()), budget=self.budget)

    def true(self, name: str) -> float:
        """A node's true score."""
        return self._truth[name].score

    @property
    def best(self) -> float:
        """The highest true score of all nodes there are."""
        return max(truth.score for truth in self._truth.values())

    def expand(self, parent: str) -> str:
        """Make the next child of a node; returns its id."""
        above, truth = self._nodes[parent], self._truth[parent]
        name = f"{parent}.{above.children}"
        rng = self._rng(name)
        stays = truth.lineage is not None and rng.random() < truth.lineage.stays
        shares = [lineage.share for lineage in self.world.lineages]
        drawn = rng.choices(self.world.lineages, shares)[0]
        lineage = truth.lineage if stays and truth.lineage is not None else drawn
        step = (lineage.first if truth.lineage is None else lineage.later).draw(rng)
        structure = name if rng.random() < NEW_STRUCTURE else above.structure
        size = max(1, round(above.size * rng.lognormvariate(0.0, SIZE_SPREAD)))
        self._truth[name] = _Truth(min(HIGHEST, max(LOWEST, truth.score + step)), lineage, rng)
        self._nodes[parent] = replace(above, children=above.children + 1)
        self._nodes[name] = Node(name, parent, size=size, structure=structure)
        return name

    def run(self, name: str, runs: int) -> None:
        """Run a node on that many tasks."""
        truth, node = self._truth[name], self._nodes[name]
        passed = node.passed + sum(truth.rng.random() < truth.score for _ in range(runs))
        count = node.runs + runs
        self._nodes[name] = replace(node, passed=passed, failed=count - passed, score=passed / count)
        self.spent += runs


@dataclass(frozen=True)
class Searched:
    """What one search came to.

    ``true`` and ``claimed`` are the output's true and observed score (None: never run), ``best`` the highest true score
    that was made, ``start`` the start's; ``runs`` is how much of the budget was used.
    """

    true: float
    claimed: float | None
    best: float
    start: float
    nodes: int
    runs: int


def search(tree_world: TreeWorld, strategy: Strategy, name: str, seed: int, budget: int) -> Searched:
    """One search in one world. Its own randomness hangs on the seed and the strategy's name, the world's on the seed.

    An evaluation that cannot be paid in full ends it: who is judged by few runs is easily the luckiest.

    Raises:
        RuntimeError: the strategy made more nodes than the budget has task runs, without evaluating them.
    """
    tree, rng = Tree(tree_world, seed, budget), random.Random(f"{name} {seed}")
    while tree.spent < budget:
        evidence = tree.evidence
        action = strategy.next(evidence, rng)
        if isinstance(action, Expand):
            if len(evidence.nodes) > budget:
                raise RuntimeError(f"{name} expands without end")
            tree.expand(action.parent)
        elif action.runs > budget - tree.spent:
            break
        else:
            tree.run(action.node, action.runs)
    evidence = tree.evidence
    chosen = strategy.output(evidence)
    claimed = next(node.score for node in evidence.nodes if node.id == chosen)
    return Searched(tree.true(chosen), claimed, tree.best, tree_world.start, len(evidence.nodes), tree.spent)
