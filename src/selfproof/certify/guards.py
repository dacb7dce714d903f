"""Guards: what must never get worse, tested as non-inferiority against versions that a person can point to.

``G_n = (1/8) sum_l prod (1 + l (x_j + e) / (1 - e))`` for differences ``x_j`` in [-1, 1] (positive = better) and
margin e: under "worse by at least e" its expectation never exceeds 1; the guard passes at ``1 / guard_alpha``. Draws
come in blocks and may be stratified within one (see ``gate``), so the wealth is looked at after whole blocks only.
References are the anchor and the high-water version of the guard's metric, never the moving incumbent, so a chain of
losses that are each within the margin cannot add up. All guards must pass, which costs no alpha. A guard whose
samples are a whole population, a test suite, is judged exactly: its losses are added up, and no gain offsets them.
Where a guard is by group, each group must pass by itself: a gain on average hides no loss of one.

Does not protect against: what no guard measures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from selfproof.certify.betting import Wealth
from selfproof.certify.spending import gamma
from selfproof.certify.terms import GuardResult, Pair

LIFETIME = 0.05
NOWHERE = "."
"""The mark of a draw that is in no group."""


def guard_level(adoption: int) -> float:
    """The level for the guards of the adoption with this number (1, 2, ...): .05 over the whole life."""
    return LIFETIME * gamma(adoption)


def judge_guard(
    blocks: Sequence[Sequence[float]], groups: Sequence[str] = (), *, margin: float, span: float, level: float
) -> GuardResult:
    """Test blocks of draws' differences (metric's unit, positive = better) against a loss of ``margin`` in the mean.

    Where the blocks' ``groups`` are given, each group that was drawn must pass by itself too, which costs no alpha.

    Raises:
        ValueError: a difference outside the span, or a margin that is not between 0 and the span.
    """
    if not 0.0 < margin < span:
        raise ValueError(f"a guard's margin must lie between 0 and {span}, got {margin}")
    threshold = -math.log(level)
    worse, better = Wealth(), Wealth()
    passed = is_better = False
    for block in blocks:
        for value in block:
            if not -span <= value <= span:
                raise ValueError(f"a draw's difference lies outside the metric's span of {span}")
            worse.bet((value + margin) / (span - margin))
            better.bet(value / span)
        passed = passed or worse.log >= threshold
        is_better = is_better or better.log >= threshold
    if groups:
        parts = by_group(blocks, groups).values()
        passed = passed and all(judge_guard(part, margin=margin, span=span, level=level).passed for part in parts)
    return GuardResult(passed, is_better, worse.log, threshold, sum(map(len, blocks)))


def by_group(blocks: Sequence[Sequence[float]], groups: Sequence[str]) -> dict[str, list[list[float]]]:
    """Each group's part of every block; ``groups`` has a string for each block, with one mark for each of its draws.

    Raises:
        ValueError: marks and draws do not match.
    """
    found: dict[str, list[list[float]]] = {mark: [] for mark in sorted(set("".join(groups)) - {NOWHERE})}
    for block, marks in zip(blocks, groups, strict=True):
        for mark, kept in found.items():
            kept.append([value for value, own in zip(block, marks, strict=True) if own == mark])
    return found


def judge_suite(pairs: Sequence[Pair], items: int, margin: float, groups: Sequence[str] = ()) -> GuardResult:
    """All ``items`` of a whole population, run twice in the same order: passed if every result repeats and the losses
    of single items come to at most ``margin`` per item, whatever others gain; so within each of the ``groups``."""
    first = pairs[:items]
    repeats = len(first) == items and list(pairs[items:]) == list(first)
    lost = math.fsum(max(0.0, -pair.y) for pair in first)
    gained = math.fsum(pair.y for pair in first) > 0
    parts = by_group([[max(0.0, -pair.y)] for pair in first], groups[: len(first)]).values() if groups else ()
    within = all(math.fsum(map(math.fsum, part)) <= margin * sum(map(len, part)) for part in parts)
    return GuardResult(repeats and within and lost <= margin * items, repeats and gained, 0.0, 0.0, len(pairs))
