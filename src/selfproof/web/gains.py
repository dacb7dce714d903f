"""What each objective has gained since version 0, in the words of its metric: from what to what, and how sure that is.

A quality objective's figures are levels (``models/curves``): version 0's from its first confirmation, the newest one's
from the fresh blocks that it was watched on after its adoption; or those of a closing table that is as new, whose gain
is measured on the same blocks. The interval of a gain between two levels is made of theirs, which stand on different
blocks: MOVER (Zou & Donner 2008, Statistics in Medicine 27:1693). Those of speed tell ratios, each of the function that
was changed; they multiply over the changes of one function, and not over different ones.

Does not protect against: an interval of the product of several ratios is made of each one's ends, so that it holds with
95% less 5% for each further change.
"""

from __future__ import annotations

import math
from typing import Any

from selfproof.certify.effect import Estimate
from selfproof.charter import Objective
from selfproof.viewing.words import bounds, clean, count, decimals, finite, mapping, metric_words, number
from selfproof.web import purposes, standing
from selfproof.web.models.curves import Curve, Point
from selfproof.web.pages.curves import curves_of
from selfproof.web.reading import Reading

Span = tuple[float, float] | None


def promise(mode: str) -> str:
    """What alpha bounds, in words that end before the number; ``mode`` is the charter's."""
    if mode == "fdr":
        return "Of all the changes that it ever keeps, the share that does not help is expected to be at most"
    return "The chance that even one of all the changes that it ever keeps does not help is at most"


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
            fast = own[0]["kind"] == "ratio" or objective.kind == "speed"
            told = ratios(_by_function(reading, own)) if fast else levels(objective, curve) or summed(objective, own)
        found.append({
            "name": objective.name, "purpose": purposes.purpose(reading.paths.folder, objective.task),
            "changes": len(own), "head": "", "unit": "", "told": "", "sure": "", "behind": 0, **(told or {}),
        })  # fmt: skip
    return found


def _in_table(objective: Objective, row: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the newest closing table measured, if it measured this objective from its start to now."""
    times = mapping(row, "ratio")
    if objective.kind == "speed" and (ratio := finite(times.get("value"))) is not None:
        return {"head": f"{ratio:.2f}×", "unit": "as fast", "told": "than at its start, the whole of it",
                "sure": _interval(bounds(times, "interval"), 2)}  # fmt: skip
    start, now = finite((row or {}).get("start")), finite((row or {}).get("now"))
    if start is None or now is None:
        return None
    return from_to(objective, start, now, bounds(row, "gain", "interval"))


def levels(objective: Objective, curve: Curve) -> dict[str, Any] | None:
    """From version 0's measured level to the newest measured one that stands; None where either is not known."""
    stand = [point for point in curve.points if point.stands]
    known: list[Point] = [point for point in stand if point.level is not None]
    if len(known) < 2 or known[0].version:
        return None
    first, last = known[0].level, known[-1].level
    assert first is not None and last is not None
    worse, better = (first, last) if objective.better == "lower" else (last, first)
    told = from_to(objective, first.value, last.value, apart(worse, better))
    return {**told, "behind": len(stand) - 1 - stand.index(known[-1])}


def apart(one: Estimate, two: Estimate) -> tuple[float, float]:
    """The interval of ``one - two`` from each one's own, measured on different blocks (MOVER)."""
    middle = one.value - two.value
    low = math.hypot(one.value - one.low, two.high - two.value)
    high = math.hypot(one.high - one.value, two.value - two.low)
    return middle - low, middle + high


def from_to(objective: Objective, start: float, now: float, gain: Span) -> dict[str, Any]:
    """Two levels in words; ``gain`` is the interval of how much better the second is."""
    places = decimals(start)
    share = abs(now - start) / abs(start) if start else math.inf
    size = f"{100 * share:.0f}%" if share <= 1 else number(abs(now - start), places)
    return {
        "head": f"{number(start, places)} → {number(now, places)}",
        "unit": metric_words(objective.metric),
        "told": f"{size} {'lower' if now < start else 'higher'} than at its start; {objective.better} is better",
        "sure": _interval(gain, places),
    }


def _interval(gain: Span, places: int) -> str:
    return f"95% interval of the whole gain: {number(gain[0], places)} to {number(gain[1], places)}" if gain else ""


def summed(objective: Objective, own: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Where too few blocks tell a level: the changes' own estimates added up."""
    effects = [row["effect"] for row in own if row["effect"] is not None]
    if not effects:
        return None
    total, span = sum(effects), bounds(own[0], "interval")
    sure = _interval(span, decimals(total)).replace("the whole gain", "its newest change alone") if span else ""
    return {"head": f"{number(abs(total), decimals(total))} {'better' if total >= 0 else 'worse'}",
            "unit": metric_words(objective.metric), "told": "than at its start", "sure": sure}  # fmt: skip


def _by_function(reading: Reading, own: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Changes by the function that each made faster, the newest changed first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in own:
        place = mapping(reading.state.confirmations[row["id"]].body, "notes").get("function") or row["objective"]
        found.setdefault(clean(place, 60).rpartition(":")[2], []).append(row)
    return found


def ratios(by_function: dict[str, list[dict[str, Any]]]) -> dict[str, Any] | None:
    """How many times as fast each function has become; None where nothing is measured yet."""
    rows = {name: [(row["effect"], bounds(row, "interval")) for row in own if row["effect"] is not None]
            for name, own in by_function.items()}  # fmt: skip
    made = {name: _product(told) for name, told in rows.items() if told}
    if not made:
        return None
    behind = sum(map(len, by_function.values())) - sum(map(len, rows.values()))
    if len(made) == 1:
        ((name, (value, span)),) = made.items()
        told = f"than at its start: the function {name}, one part of it"
        return {"head": f"{value:.2f}×", "unit": "as fast", "told": told, "sure": _interval(span, 2), "behind": behind}
    told = ", ".join(f"{name} {value:.2f}×" for name, (value, _) in made.items())
    spans = ", ".join(f"{name} {span[0]:.2f} to {span[1]:.2f}" for name, (_, span) in made.items() if span)
    return {"head": count(len(made), "function"), "unit": "faster", "told": f"than at its start: {told}",
            "sure": f"95% intervals: {spans}" if spans else "", "behind": behind}  # fmt: skip


def _product(told: list[tuple[float, Span]]) -> tuple[float, Span]:
    low, high = (math.prod(span[end] if span else math.nan for _, span in told) for end in (0, 1))
    return math.prod(effect for effect, _ in told), (low, high) if math.isfinite(low) and math.isfinite(high) else None
