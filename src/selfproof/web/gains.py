"""What each objective has gained since version 0, in the words of its metric: from what to what, and how sure that is.

A quality objective's figures are levels (``models/curves``): version 0's from its first confirmation, the newest one's
from the fresh blocks that it was watched on after its adoption; or those of a closing table that is as new. Those of
speed tell ratios, which multiply over their changes.

Does not protect against: an interval of the product of several ratios is made of each one's ends, so that it holds with
95% less 5% for each further change.
"""

from __future__ import annotations

import math
from typing import Any

from selfproof.charter import Objective
from selfproof.viewing.words import bounds, decimals, finite, interval, number
from selfproof.web import standing
from selfproof.web.models.curves import Curve, Point
from selfproof.web.pages.curves import curves_of
from selfproof.web.reading import Reading


def gains(reading: Reading) -> list[dict[str, Any]]:
    """Each objective of the charter: ``changes`` in force, and where there are any ``head``, ``told``, ``sure``."""
    return reading.memo("gains", lambda: _gains(reading))


def _gains(reading: Reading) -> list[dict[str, Any]]:
    table, at = standing.table(reading)
    found = []
    for objective, curve in zip(reading.charter.objectives, curves_of(reading), strict=True):
        own = [one for one in standing.improved(reading) if one["objective"] == objective.name]
        since = sum(one["version"] > at for one in own)
        told = _in_table(objective, table.get(objective.name)) if own and not since else None
        if own and told is None:
            told = ratio(own) if own[0]["kind"] == "ratio" else levels(objective, curve) or summed(objective, own)
        found.append({
            "name": objective.name, "metric": objective.metric.replace("_", " "), "better": objective.better,
            "changes": len(own), **(told or {"head": "", "told": "", "sure": ""}),
        })  # fmt: skip
    return found


def _in_table(objective: Objective, row: dict[str, Any] | None) -> dict[str, str] | None:
    """What the newest closing table measured, if it measured this objective from its start to now."""
    start, now, span = finite((row or {}).get("start")), finite((row or {}).get("now")), bounds(row, "interval")
    if start is None or now is None:
        return None
    return from_to(objective, start, now, span)


def levels(objective: Objective, curve: Curve) -> dict[str, str] | None:
    """From version 0's measured level to the newest measured one that stands; None where either is not known."""
    stand = [point for point in curve.points if point.stands]
    known: list[Point] = [point for point in stand if point.level is not None]
    if len(known) < 2 or known[0].version:
        return None
    first, last = known[0].level, known[-1].level
    assert first is not None and last is not None
    told = from_to(objective, first.value, last.value, (last.low, last.high))
    if behind := len(stand) - 1 - stand.index(known[-1]):
        told["sure"] += f"; {behind} newer, being measured"
    return told


def from_to(objective: Objective, start: float, now: float, span: tuple[float, float] | None) -> dict[str, str]:
    """Two levels in words; ``span`` is the interval of the second."""
    places = decimals(start)
    better = (now < start) == (objective.better == "lower")
    share = abs(now - start) / abs(start) if start else math.inf
    size = f"{100 * share:.0f}%" if share <= 1 else number(abs(now - start), places)
    return {
        "head": f"{number(start, places)} → {number(now, places)}",
        "told": f"{size} {'lower' if now < start else 'higher'} than at its start: {'better' if better else 'worse'}",
        "sure": f"95% interval of the new value: {interval(span, places)}" if span else "",
    }


def summed(objective: Objective, own: list[dict[str, Any]]) -> dict[str, str] | None:
    """Where too few blocks tell a level: the changes' own estimates added up."""
    effects = [row["effect"] for row in own if row["effect"] is not None]
    if not effects:
        return None
    total, span = sum(effects), bounds(own[0], "interval")
    sure = f"95% interval of its newest change alone: {interval(span, decimals(total))}" if span else ""
    unit = objective.metric.replace("_", " ")
    return {"head": f"{number(abs(total), decimals(total))} {'better' if total >= 0 else 'worse'}", "sure": sure,
            "told": f"in {unit} than at its start"}  # fmt: skip


def ratio(own: list[dict[str, Any]]) -> dict[str, str] | None:
    """Ratios multiplied, with the products of their intervals' ends; None where none is measured."""
    told = [(row["effect"], bounds(row, "interval")) for row in own if row["effect"] is not None]
    if not told:
        return None
    low, high = (math.prod(span[end] if span else math.nan for _, span in told) for end in (0, 1))
    sure = f"95% interval: {interval((low, high), 2)}" if math.isfinite(low) else ""
    if behind := len(own) - len(told):
        sure += f"; {behind} newer, being measured"
    return {
        "head": f"{math.prod(effect for effect, _ in told):.2f}× as fast",
        "told": "than at its start",
        "sure": sure,
    }
