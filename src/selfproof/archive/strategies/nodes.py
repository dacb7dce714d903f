"""What a strategy may know: the archive as a forest of nodes, frozen, and what follows from it.

The counts are plain numbers in frozen values. A published tree search handed out the list that *was* a node's record
and extended it, so that every look at a clade changed what was known; here there is nothing to extend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Node:
    """One version in the archive.

    ``score`` lies in [0, 1], higher is better; None: it was not evaluated. ``passed`` and ``failed`` count its own task
    runs. ``children`` counts how often it was expanded: the nodes that name it as their parent, and those that were not
    kept. ``size`` and ``structure`` are what cells are made of (``Member.size``, ``Member.structure``).

    Raises:
        ValueError: a score that is no number within [0, 1], a negative count, an empty id.
    """

    id: str
    parent: str | None = None
    score: float | None = None
    passed: int = 0
    failed: int = 0
    children: int = 0
    size: int = 1
    structure: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no node."""
        if not self.id:
            raise ValueError("a node has an empty id")
        # Written so that NaN fails it, too.
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"node {self.id}: the score {self.score} does not lie within [0, 1]")
        if min(self.passed, self.failed, self.children, self.size) < 0:
            raise ValueError(f"node {self.id}: a count is below 0")

    @property
    def runs(self) -> int:
        """Its own task runs."""
        return self.passed + self.failed


@dataclass(frozen=True, slots=True)
class Evidence:
    """The archive at one moment. ``nodes`` are in the order in which they came; parents may come after children.

    ``pending`` counts expansions that have begun and brought no node yet; ``budget`` is the number of task runs in all,
    None where nobody knows; ``tasks`` how often one node can be run at most, None where samples are always fresh.

    Raises:
        ValueError: two nodes with one id, a parent that is not there, a circle, fewer children than nodes that name
            their parent, a list in place of the tuple.
    """

    nodes: tuple[Node, ...]
    pending: int = 0
    budget: int | None = None
    tasks: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no forest."""
        if not isinstance(self.nodes, tuple):
            raise ValueError("nodes must be a tuple: a list could change under its reader")
        if self.pending < 0 or (self.budget is not None and self.budget < 0):
            raise ValueError("pending and budget count something: neither can lie below 0")
        if self.tasks is not None and self.tasks < 1:
            raise ValueError("there must be at least one task")
        known = {node.id: node for node in self.nodes}
        if len(known) != len(self.nodes):
            raise ValueError("two nodes have one id")
        born = dict.fromkeys(known, 0)
        for node in self.nodes:
            if node.parent is not None:
                if node.parent not in known:
                    raise ValueError(f"node {node.id}: its parent {node.parent} is not there")
                born[node.parent] += 1
        for node in self.nodes:
            if born[node.id] > node.children:
                raise ValueError(f"node {node.id}: {born[node.id]} nodes name it, but it has {node.children} children")
        _refuse_circles(self.nodes, known)

    @property
    def spent(self) -> int:
        """Task runs so far, of all nodes."""
        return sum(node.passed + node.failed for node in self.nodes)


def _refuse_circles(nodes: Iterable[Node], known: dict[str, Node]) -> None:
    rooted: set[str] = set()
    for node in nodes:
        trail: set[str] = set()
        at: Node | None = node
        while at is not None and at.id not in rooted:
            if at.id in trail:
                raise ValueError(f"node {at.id} descends from itself")
            trail.add(at.id)
            at = known[at.parent] if at.parent is not None else None
        rooted |= trail


class Counts(NamedTuple):
    """Passed and failed task runs; floats, since a cap may scale them."""

    passed: float
    failed: float


def by_id(nodes: Iterable[Node]) -> list[Node]:
    """Nodes in an order that hangs on nothing but their ids: whoever draws, draws over this one."""
    return sorted(nodes, key=lambda node: node.id)


def ancestors(evidence: Evidence) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """Every node, by id, with the ids of its ancestors from its parent up."""
    above = {node.id: node.parent for node in evidence.nodes}
    for node in by_id(evidence.nodes):
        trail, at = [], node.parent
        while at is not None:
            trail.append(at)
            at = above[at]
        yield node, tuple(trail)


def clades(evidence: Evidence, cap: int | None = None) -> dict[str, Counts]:
    """For each node the counts of its clade: its own task runs and those of all its descendants, each once.

    With a ``cap`` a node with more runs of its own than that enters *its own* clade as ``cap`` runs at its mean, so
    that its own record cannot drown its descendants' (Huxley-Gödel Machine, ``get_pseudo_decendant_evals``).
    """
    totals = {node.id: list(_capped(node, cap)) for node in evidence.nodes}
    for node, above in ancestors(evidence):
        for name in above:
            totals[name][0] += node.passed
            totals[name][1] += node.failed
    return {name: Counts(*pair) for name, pair in totals.items()}


def _capped(node: Node, cap: int | None) -> Counts:
    if cap is None or node.runs <= cap:
        return Counts(node.passed, node.failed)
    return Counts(cap * node.passed / node.runs, cap * node.failed / node.runs)


def clade_means(evidence: Evidence, cap: int | None = None) -> dict[str, float]:
    """The estimated clade metaproductivity CMP^(a) = sum_C S / sum_C (S + F) of every node whose clade was ever run."""
    sums = clades(evidence, cap)
    return {name: s / (s + f) for name, (s, f) in sums.items() if s + f > 0}


def scored(evidence: Evidence) -> dict[str, float]:
    """The score of every node.

    Raises:
        ValueError: there is no node, or one has no score.
    """
    found = {}
    for node in by_id(present(evidence)):
        if node.score is None:
            raise ValueError(f"node {node.id} has no score: evaluate it first")
        found[node.id] = node.score
    return found


def present(evidence: Evidence) -> tuple[Node, ...]:
    """The nodes.

    Raises:
        ValueError: there are none.
    """
    if not evidence.nodes:
        raise ValueError("there is no node to choose from")
    return evidence.nodes


def order(node: Node) -> tuple[float, int, str]:
    """What nodes with a score are sorted by: highest score first; of equals the smallest, then by id."""
    return -(node.score or 0.0), node.size, node.id


def best(evidence: Evidence) -> Node:
    """The first node in that order.

    Raises:
        ValueError: no node has a score.
    """
    found = [node for node in present(evidence) if node.score is not None]
    if not found:
        raise ValueError("no node has a score: evaluate one first")
    return min(found, key=order)
