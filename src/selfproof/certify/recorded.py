"""What recorded rows say about a change: its effect, what pairing saved, how busy the machine was.

It describes; nothing is decided by it, and `verify` recomputes every number of it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from selfproof.certify.effect import mean_sequence, median_sequence, pairing
from selfproof.certify.pairs import outside, pair_of

Rows = Sequence[Sequence[float]]


def effect_of(kind: str, better: str, rows: Rows, span: float | None, broken: str | None = None) -> dict[str, Any]:
    """The effect that rows show, with a 95% interval that holds at every look.

    {"kind", "value", "interval", "pairs"}: for speed the ratio of times (median), for a mean with a declared span the
    difference of means, otherwise the median difference; kind "unknown" has a reason.
    """
    pairs = [pair_of(kind, better, row) for row in rows]
    if len(pairs) < 7:
        return {"kind": "unknown", "reason": broken or "too few pairs"}
    if kind == "speed":
        found = median_sequence([pair.y for pair in pairs])
        low, high = math.exp(found.low), math.exp(found.high)
        return {"kind": "ratio", "value": math.exp(found.value), "interval": [low, high], "pairs": found.n}
    if any(outside(pair, span) for pair in pairs):
        return {"kind": "unknown", "reason": broken or "a difference that nothing can be made of"}
    if span is None:
        found = median_sequence([pair.y for pair in pairs])
    else:
        found = mean_sequence([pair.parts for pair in pairs], span)
    return {"kind": "difference", "value": found.value, "interval": [found.low, found.high], "pairs": found.n}


def pairing_of(kind: str, rows: Rows) -> dict[str, Any]:
    """What common random numbers and strata saved: the fields of ``effect.Pairing``; empty for timed pairs."""
    return asdict(pairing(rows)) if kind == "quality" and len(rows) > 1 else {}


def machine_of(kind: str, rows: Rows) -> dict[str, Any]:
    """How busy the machine was while pairs were timed: median load, largest load, pairs during which it was throttled.

    {} for what is not timed; "throttled" is None where the machine does not tell.
    """
    told = [row[2:4] for row in rows if kind == "speed" and len(row) >= 4]
    if not told:
        return {}
    loads, throttled = [load for load, _ in told], [seconds for _, seconds in told]
    return {"load": statistics.median(loads), "most_load": max(loads), "pairs": len(told),
            "throttled": None if min(throttled) < 0 else sum(seconds > 0 for seconds in throttled)}  # fmt: skip


def prediction_of(stated: float | None, effect: Mapping[str, Any]) -> dict[str, Any]:
    """What an edit said beforehand against what was measured; {} if it said nothing or nothing was measured."""
    if stated is None or "value" not in effect:
        return {}
    low, high = effect["interval"]
    return {"stated": stated, "measured": effect["value"], "inside": low <= stated <= high,
            "error": stated - effect["value"]}  # fmt: skip


def used_up(rows: Rows, better: str, margin: float) -> float:
    """The mean loss that a guard's rows show, over its margin; a gain is no loss, and without rows it is no number."""
    ys = [pair_of("quality", better, row).y for row in rows]
    return max(0.0, -math.fsum(ys) / len(ys)) / margin if ys else math.nan
