"""What one confirmation measured, pair by pair: the bets' wealth as the gate computes it, differences, guards.

Every number is computed from the ledger's recorded rows with the gate's own functions, as `selfproof verify` does;
nothing is taken from the certificate but what it is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from selfproof.archive.evidence import unpack
from selfproof.archive.state import Confirming
from selfproof.certify.effect import Estimate, mean_interval, mean_sequence
from selfproof.certify.judging import gate_for
from selfproof.certify.pairs import outside, pair_of
from selfproof.certify.terms import Rule

Blob = Callable[[str], bytes]
Rows = list[tuple[float, ...]]


@dataclass(frozen=True)
class Step:
    """After one pair: its difference, and the natural logarithms of the wealth of each bet (None: not asked for)."""

    pair: int
    difference: float
    improve: float
    mean: float | None
    rare: float | None


@dataclass(frozen=True)
class Guarded:
    """One guard against one reference: the gain with a 95% interval, and the loss that it had to exclude."""

    guard: str
    reference: int
    gain: Estimate | None
    margin: float
    passed: bool
    level: float


@dataclass(frozen=True)
class Evidence:
    """A confirmation as a picture needs it; ``watched`` are the differences after the adoption."""

    id: int
    steps: tuple[Step, ...]
    line: float
    watched: tuple[float, ...]
    guards: tuple[Guarded, ...]
    unit: str

    @property
    def largest(self) -> float:
        """The largest wealth of the first bet at any look, as a logarithm."""
        return max((step.improve for step in self.steps), default=0.0)


def rows_in(blob: Blob, digest: str) -> Rows:
    """The rows of a row blob."""
    return unpack(blob(digest))[1]


def evidence_of(confirming: Confirming, blob: Blob) -> Evidence:
    """Recompute what a confirmation's pairs say."""
    body = confirming.body
    kind, better, rule = body["kind"], body["better"], Rule(**body["rule"])
    rows = [row for digest in confirming.evidence for row in rows_in(blob, digest)]
    watched = rows_in(blob, confirming.canary["pairs"]["$blob"]) if confirming.canary else []
    return Evidence(
        confirming.id, tuple(_steps(rule, kind, better, rows)), -math.log(rule.level) if rule.level else 0.0,
        tuple(pair_of(kind, better, row).y for row in watched), tuple(_guards(confirming, blob)),
        "log of the ratio of times" if kind == "speed" else "metric's unit",
    )  # fmt: skip


def _steps(rule: Rule, kind: str, better: str, rows: Rows) -> list[Step]:
    gate, steps = gate_for(rule), []
    for number, row in enumerate(rows, start=1):
        pair = pair_of(kind, better, row)
        if outside(pair, rule.span if rule.margin is not None else None):
            break  # such a candidate was refused for it: there is no bet on this pair
        verdict = gate.add(pair)
        steps.append(Step(number, pair.y, verdict.log_wealth, verdict.log_mean_wealth, verdict.log_loss_wealth))
    return steps


def _guards(confirming: Confirming, blob: Blob) -> list[Guarded]:
    found = []
    for guard in confirming.guards:
        for reference, stored in sorted(guard["references"].items(), key=lambda item: int(item[0])):
            pairs = [pair_of("quality", guard["better"], row) for row in rows_in(blob, stored["$blob"])]
            gain = _gain([pair.parts for pair in pairs], guard["span"])
            found.append(
                Guarded(guard["guard"], int(reference), gain, guard["margin"], guard["passed"], guard["level"])
            )
    return found


def _gain(blocks: Sequence[Sequence[float]], span: float | None) -> Estimate | None:
    """The mean over blocks with its interval: one that holds at every look where draws are bounded."""
    if not blocks or not all(blocks):
        return None
    if span is not None and all(-span <= draw <= span for block in blocks for draw in block):
        return mean_sequence(blocks, span)
    means = [math.fsum(block) / len(block) for block in blocks]
    return mean_interval(means) if len(means) > 1 else None


def table(evidence: Evidence) -> list[dict[str, Any]]:
    """The numbers behind the picture, one row a pair."""
    return [
        {"pair": s.pair, "difference": s.difference, "wealth": _exp(s.improve),
         "mean_wealth": None if s.mean is None else _exp(s.mean),
         "loss_wealth": None if s.rare is None else _exp(s.rare)}
        for s in evidence.steps
    ]  # fmt: skip


def guards_table(evidence: Evidence) -> list[dict[str, Any]]:
    """The numbers behind the guards' picture: a row for each guard against each reference."""
    rows = []
    for one in evidence.guards:
        gain = one.gain
        value, low, high, n = (gain.value, gain.low, gain.high, gain.n) if gain else (None, None, None, None)
        rows.append({
            "guard": one.guard, "against_version": one.reference, "gain": value, "gain_low": low, "gain_high": high,
            "blocks": n, "margin": one.margin, "passed": one.passed, "level": one.level,
        })  # fmt: skip
    return rows


def _exp(log: float) -> float:
    return math.exp(min(log, 700.0))
