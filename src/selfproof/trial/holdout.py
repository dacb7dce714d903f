"""Tasks whose samples are a finite list: a hold-out that wears out, or a whole population that does not.

A *hold-out* stands for the population that its items were drawn from. It is used again and again, so that what is
confirmed next depends on what it answered before. The level of its confirmations pays for that
(``certify.spending``), provided that one bit of each confirmation reaches whoever proposes: adopted or not. The
engine keeps to it: views for an improver hold outcomes of races on the explore items and nothing else, attention is
steered by the race's gain instead of the measured one, and nothing races while a confirmation is under way. What it
cannot keep back is that a long confirmation leaves other objectives less time; and a person who reads the certificates
and proposes edits gives more away.

A *whole* population, such as a test suite, is all that anybody cares about: ``whole = True``. Its items are run twice,
compared exactly, and no alpha is spent. A score that stands for more than its items must not be declared so.

Does not protect against: items that are no independent draws from what the user cares about, near-duplicates in two
splits (only equal inputs are kept together), or a task that reads its items from where a program can read them too.
"""

from __future__ import annotations

import hashlib
import random
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar

from selfproof.jail import values
from selfproof.nouns import Split, UsageError
from selfproof.trial.task import Sample, Task

SPLITS: tuple[Split, ...] = ("explore", "confirm", "report")
LEAST = 2


class FiniteTask(Task):
    """Give ``items``; ``samples`` is made from them.

    ``lifetime`` is how many confirmations the hold-out may ever serve: the more, the stricter each (in all
    ``ln(2 lifetime)`` more nats to win for each adoption). ``shares`` says which parts of the items go to the explore,
    confirm and report splits. Neither may be changed later, nor the confirm items: a new hold-out needs an objective
    of a new name. With ``whole`` all items are in every split, and they may change.
    """

    lifetime: ClassVar[int] = 100
    shares: ClassVar[tuple[float, float, float]] = (0.5, 0.3, 0.2)

    @abstractmethod
    def items(self) -> Sequence[Sample]:
        """All items, in any order, of plain values (see ``jail.values``); the same at every call."""

    @cached_property
    def parts(self) -> Mapping[Split, Sequence[Sample]]:
        """The items of each split in the order of their hashes, no two of them equal.

        An item's split follows from the SHA-256 of its input alone, so that equal inputs are in one split, whatever
        their answers, and an item stays where it is when others come or go.

        Raises:
            UsageError: an item is no plain data, ``shares`` or ``lifetime`` is impossible, or a split is too small.
        """
        if min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-9 or self.lifetime < 1:
            raise UsageError(f"{type(self).__name__}: shares must be positive with sum 1, and lifetime at least 1")
        once = {_digest([item.value, item.hidden]): item for item in self.items()}
        found: dict[Split, list[Sample]] = {split: [] for split in SPLITS}
        for _, item in sorted(once.items()):
            for split in SPLITS if self.whole else [_split(_digest(item.value), self.shares)]:
                found[split].append(item)
        for split, part in found.items():
            if len(part) < (1 if self.whole else LEAST):
                raise UsageError(
                    f"{type(self).__name__}: {len(part)} of {len(once)} different items are in the {split} split",
                    advice="Give more items, or a larger share.",
                )
        return found

    @property
    def population(self) -> dict[str, Any]:
        """What the ledger keeps of the confirm items: how often they may serve (None: always), number and hash."""
        part = self.parts["confirm"]
        digest = hashlib.sha256(b"".join(_digest([item.value, item.hidden]) for item in part)).hexdigest()
        return {"lifetime": None if self.whole else self.lifetime, "items": len(part), "digest": digest}

    def pool(self, split: Split) -> dict[str, object]:
        """Size and hash of the items that a claim is about, and how often they may serve."""
        return {"split": split, **self.population} if split == "confirm" else {"split": split}

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """At most ``n`` different items. In the confirm split a seed is the first one's number, modulo how many there
        are: a confirmation asks for each number once, a guard's seeds draw with replacement."""
        part = self.parts[split]
        if split == "confirm":
            return [part[(seed + j) % len(part)] for j in range(min(n, len(part)))]
        return random.Random(f"{split}|{seed}").sample(part, min(n, len(part)))


def _split(digest: bytes, shares: Sequence[float]) -> Split:
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next((s for s, end in zip(SPLITS, accumulate(shares), strict=True) if place < end), SPLITS[-1])


def _digest(value: object) -> bytes:
    try:
        return hashlib.sha256(values.encode(_ordered(value))).digest()
    except (TypeError, ValueError) as error:
        raise UsageError(f"an item of a finite task is not plain data: {error}") from None


def _ordered(value: Any) -> Any:
    """The same value with the keys of its dicts in one order."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=values.encode)}
    return type(value)(map(_ordered, value)) if type(value) in (list, tuple) else value
