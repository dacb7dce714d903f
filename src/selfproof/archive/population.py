"""The uncertified lane: versions worth building on, and the choice of parents among them.

Free exploration without authority. Members are ranked by their score on the current race panel plus a small price
for size; of two with one score the smaller stays; at most three share a structure (the code with its constants left
out), so that one idea's constants do not crowd out other ideas. Parent choice: 30% from the top with exponential decay,
70% by tournaments of four.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

SIZE_PRICE = 0.0003
PER_STRUCTURE = 3


@dataclass(frozen=True)
class Member:
    """A version in the uncertified archive; ``scores`` are its means on the panel's blocks, lower is better."""

    id: str
    source: str
    scores: tuple[float, ...]
    size: int
    structure: str
    operator: str = "start"

    @property
    def score(self) -> float:
        """Mean over the panel."""
        return sum(self.scores) / len(self.scores)

    @property
    def rank(self) -> tuple[float, str]:
        """What members are sorted by: score plus the price of size, then id, so that order never depends on time."""
        return self.score + SIZE_PRICE * self.size * abs(self.score), self.id


class Population:
    """At most ``most`` members in the order of their rank."""

    def __init__(self, most: int = 60) -> None:
        self.most = most
        self.members: list[Member] = []

    def insert(self, new: Member) -> bool:
        """Add a member unless its structure is full of better ones; of equal scores the smaller stays.

        Of equal sizes, too, the one that was there. True if the new one stays.
        """
        equal = [old for old in self.members if abs(new.score - old.score) < 1e-6]
        if any(old.size <= new.size for old in equal):
            return False
        others = [old for old in self.members if old not in equal]
        same = [old for old in others if old.structure == new.structure]
        if len(same) >= PER_STRUCTURE:
            last = max(same, key=lambda member: member.rank)
            if last.rank <= new.rank:
                return False
            others.remove(last)
        self.members = sorted([*others, new], key=lambda member: member.rank)[: self.most]
        return new in self.members

    @property
    def best(self) -> Member:
        """The first member."""
        return self.members[0]

    def bar(self, place: int) -> tuple[float, ...] | None:
        """Scores that a newcomer is compared with rung by rung: those of the member at ``place``, or the last."""
        return self.members[min(place, len(self.members)) - 1].scores if len(self.members) > 2 else None

    def parents(self, n: int, rng: random.Random) -> list[Member]:
        """``n`` parents, drawn with replacement."""
        return [self._one(rng) for _ in range(n)]

    def _one(self, rng: random.Random) -> Member:
        count = len(self.members)
        if rng.random() < 0.3:
            return self.members[min(count - 1, int(rng.expovariate(1 / 1.5)))]
        return self.members[min(rng.randrange(count) for _ in range(4))]

    def replace_all(self, members: Sequence[Member]) -> None:
        """Start again from these members (after the race panel was redrawn)."""
        self.members = []
        for member in sorted(members, key=lambda m: m.rank):
            self.insert(member)
