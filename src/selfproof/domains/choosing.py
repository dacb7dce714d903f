"""Which versions a quality search builds on next: the charter's strategy, asked over a frozen view of its archive.

A search's scores are losses in any unit, on a panel that is drawn anew now and then; strategies know scores within
[0, 1], and passes. What they are told follows from ranks, so it hangs on no unit: a version's score is the share of
the other versions that it beats, and it passes a block of the panel where it beats the median version on that block.
The view holds the versions that the population keeps, which alone are scored on one panel. Who left it is left out,
and its children are its nearest kept ancestor's; but what was made of a version counts, kept or not.
"""

from __future__ import annotations

import bisect
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from selfproof.archive.population import Member, Population
from selfproof.archive.strategies import DEFAULT, Evidence, Node, named


def parents(
    strategy: str, population: Population, lineage: Iterable[tuple[str, str]], n: int, rng: random.Random
) -> list[Member]:
    """``n`` members to build on, drawn with replacement; ``lineage``: (id, parent) of all candidates, oldest first.

    The default draws from the population itself: it reads no lineage, and takes from ``rng`` what it always took.
    """
    if strategy == DEFAULT:
        return population.parents(n, rng)
    known = {member.id: member for member in population.members}
    view = evidence(population.members, list(lineage))
    return [known[name] for name in named(strategy).parents(view, n, rng)]


def evidence(members: Sequence[Member], lineage: Sequence[tuple[str, str]]) -> Evidence:
    """What strategies may know of these members, in the order in which they came."""
    kept = {member.id for member in members}
    above = dict(reversed(lineage))  # of two entries of one id the first counts
    above = {name: above[name] for name, _ in lineage}
    tried = Counter(parent for _, parent in lineage)
    near = {name: _nearest(name, above, kept) for name in kept}
    tried.update(parent for name, parent in near.items() if parent is not None and above[name] != parent)
    place = {name: number for number, name in enumerate(above)}
    ordered = sorted(members, key=lambda member: (place.get(member.id, -1), member.id))
    scores, passed = shares([m.score for m in members]), passes([m.scores for m in members])
    told = {m.id: (score, count) for m, score, count in zip(members, scores, passed, strict=True)}
    return Evidence(tuple(
        Node(m.id, near[m.id], told[m.id][0], told[m.id][1], len(m.scores) - told[m.id][1], tried[m.id], m.size,
             m.structure)
        for m in ordered
    ))  # fmt: skip


def _nearest(name: str, above: Mapping[str, str], kept: set[str]) -> str | None:
    """The nearest ancestor that is kept; None if there is none, or where texts that came back make a circle."""
    seen, at = {name}, above.get(name)
    while at is not None and at not in kept and at not in seen:
        seen.add(at)
        at = above.get(at)
    return at if at in kept and at not in seen and not _leads_to(name, at, above) else None


def _leads_to(name: str, ancestor: str, above: Mapping[str, str]) -> bool:
    """Whether ``name`` is above its own ancestor."""
    seen: set[str] = set()
    at = above.get(ancestor)
    while at is not None and at not in seen:
        if at == name:
            return True
        seen.add(at)
        at = above.get(at)
    return False


def shares(losses: Sequence[float]) -> list[float]:
    """For each loss the share of the others that are larger; an equal one counts half; of one alone 1/2."""
    ordered = sorted(losses)
    others = len(losses) - 1
    if not others:
        return [0.5] * len(losses)
    found = []
    for loss in losses:
        low, high = bisect.bisect_left(ordered, loss), bisect.bisect_right(ordered, loss)
        found.append((len(ordered) - high + (high - low - 1) / 2) / others)
    return found


def passes(scores: Sequence[Sequence[float]]) -> list[int]:
    """For each row of losses on a panel: on how many blocks it beats the median, or is the best there is."""
    bars = [(statistics.median(column), min(column)) for column in zip(*scores, strict=True)]
    return [
        sum(loss < middle or loss == least for loss, (middle, least) in zip(row, bars, strict=True)) for row in scores
    ]
