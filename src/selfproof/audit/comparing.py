"""How an auditor compares: what must hold, and when two values are the same.

Does not protect against: a rule that asks too little.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

from selfproof.nouns import Blobs


class Source(Blobs, Protocol):
    """What an auditor asks of a ledger beside its entries."""

    def root_at(self, size: int) -> bytes | None:
        """The root of the first ``size`` entries, or None if there are fewer."""
        ...


class Wrong(Exception):
    """This leaf says something that the leaves before it do not support."""


def must(condition: bool, reason: str) -> None:
    """Raise ``Wrong`` with this reason unless the condition holds."""
    if not condition:
        raise Wrong(reason)


def close(one: float | None, two: float | None) -> bool:
    """Equal up to rounding; None equals None."""
    if one is None or two is None:
        return one is two
    least = 0.0 if min(one, two) > 0 else 1e-15  # a level may be tiny; what is 0 or below is a sum that may cancel
    return math.isclose(one, two, rel_tol=1e-9, abs_tol=least)


def same(one: Any, two: Any) -> bool:
    """Equal, numbers up to rounding."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return close(one, two) if isinstance(one, float) and isinstance(two, float) else bool(one == two)
