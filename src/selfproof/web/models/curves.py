"""How each objective went from version 0 to now, in its own unit where one was measured, with anytime intervals.

A level is measured on the fresh blocks that a change was watched on after its adoption: no decision saw them before.
Version 0's are the incumbent's draws of the first confirmation: the decision to stop there was taken on differences,
and an interval that holds at every look holds at that one. Beside them, what the closing tables measured at the end
of each run: now, the best human rule, constants alone, other corpora, each with its interval of 95%.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from selfproof.archive.overseen import LeafLike
from selfproof.archive.state import Confirming, State
from selfproof.certify.effect import Estimate, mean_sequence, median_sequence
from selfproof.web.models.evidence import Blob, Rows, rows_in


@dataclass(frozen=True)
class Point:
    """A version's level (None: too few blocks) and the step that led to it."""

    version: int
    title: str
    level: Estimate | None
    effect: dict[str, Any]
    certified: bool
    stands: bool
    confirmation: int | None
    cost: dict[str, Any] = field(default_factory=dict)


@dataclass
class Curve:
    """One objective's way: its points, and the rows of the closing tables (the newest last)."""

    objective: str
    kind: str
    metric: str
    better: str
    points: list[Point]
    closing: list[dict[str, Any]]

    @property
    def now(self) -> dict[str, Any] | None:
        """The newest closing row."""
        return self.closing[-1] if self.closing else None


def closing_rows(leaves: Iterable[LeafLike], blob: Blob) -> list[dict[str, Any]]:
    """All rows of all closing tables, oldest first; each with the ``entry`` that it is from and its time."""
    found = []
    for leaf in leaves:
        if leaf.kind == "report":
            rows = json.loads(blob(leaf.body["table"]["$blob"]))
            found += [{**row, "entry": leaf.index, "time": leaf.time} for row in rows]
    return found


def curves(state: State, objectives: Sequence[Any], closing: Sequence[dict[str, Any]], blob: Blob) -> list[Curve]:
    """One curve for each objective of the charter, whether it was changed or not."""
    found = []
    for objective in objectives:
        own = [c for c in state.confirmations.values() if c.body["objective"] == objective.name]
        rows = [row for row in closing if row["name"] == objective.name]
        better = next((c.body["better"] for c in own), objective.better)
        points = _points(state, [c for c in own if c.version is not None], blob)
        found.append(Curve(objective.name, objective.kind, objective.metric, better, points, rows))
    return found


def _points(state: State, adopted: Sequence[Confirming], blob: Blob) -> list[Point]:
    if not adopted:
        return []
    first = adopted[0]
    start = None if first.body["kind"] == "speed" else _level(_rows(first, blob), first, before=True)
    points = [Point(0, "the start", start, {}, False, True, None)]
    for confirming in adopted:
        assert confirming.version is not None
        version = state.versions[confirming.version]
        watched = rows_in(blob, confirming.canary["pairs"]["$blob"]) if confirming.canary else []
        level = None if confirming.body["kind"] == "speed" else _level(watched, confirming, before=False)
        cost = (confirming.certificate or {}).get("cost") or {}
        points.append(
            Point(version.number, version.title, level, version.effect, version.certified, not version.rolled_back,
                  confirming.id, cost)
        )  # fmt: skip
    return points


def _rows(confirming: Confirming, blob: Blob) -> Rows:
    return [row for digest in confirming.evidence for row in rows_in(blob, digest)]


def _level(rows: Rows, confirming: Confirming, *, before: bool) -> Estimate | None:
    """The mean of one side's draws: of bounded ones the mean's interval at every look, else the median's."""
    rule = confirming.body["rule"]
    halves = [row[: len(row) // 2] if before else row[len(row) // 2 :] for row in rows]
    span = rule["span"] if rule["margin"] is not None else None
    if halves and span is not None and all(-span <= draw <= span for half in halves for draw in half):
        return mean_sequence(halves, span)
    means = [math.fsum(half) / len(half) for half in halves if half]
    return median_sequence(means) if len(means) >= 7 else None


def costs(curve: Curve) -> list[dict[str, Any]]:
    """What each certified gain of a curve has cost: trials, seconds, processor time and dollars of its confirmation."""
    return [
        {"version": p.version, "title": p.title, "confirmation": p.confirmation, **p.cost}
        for p in curve.points if p.cost and p.certified
    ]  # fmt: skip
