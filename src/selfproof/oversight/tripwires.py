"""Tripwires: a program that gets better too fast, grows, drifts or does something new is reported, or stopped.

Everything is decided here, by pure functions over the charter and what the ledger says so far: engine and auditor come
to the same findings. What is measured is in the ledger's `examined` entries before anything is decided on it. A number
that is none counts as too much. A finding is told once: again when its answer becomes a stronger one, when what was
measured is half as much again, or under another charter.

Does not protect against: what stays below every threshold, and what nobody measures. It looks after an adoption, so
that one change has been adopted already when it speaks.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from selfproof.archive.state import State, Version
from selfproof.charter import Charter

ANSWERS = ("alert", "ask", "halt")
AGAIN = 1.5  # times what was measured the last time: then it is told again
FEW = 3  # adoptions of which a rate is taken
NAMES = (
    "acceleration", "improver", "resources", "adoptions", "guards", "slices", "behaviour", "policy", "predictions",
    "must_fail", "novelty", "probes",
)  # fmt: skip
INNOCENT = frozenset({"empty", "syntax", "unread", "growth", "file-size"})
"""Rules that a clumsy proposer breaks every day: they count nothing here."""
_HOUR, _DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)


@dataclass(frozen=True)
class Finding:
    """One tripwire that was touched: of what, what follows, what was measured, from which number on."""

    name: str
    subject: str
    answer: str
    measured: float
    limit: float


def reached(steps: tuple[str, ...], measured: float) -> tuple[str, float] | None:
    """The strongest step whose number is reached; every one is by a number that is none."""
    pairs = [(answer, float(limit)) for answer, limit in map(str.split, steps)]
    hit = [pair for pair in pairs if not measured < pair[1]]
    return max(hit, key=lambda pair: (ANSWERS.index(pair[0]), pair[1]), default=None)


def measured(state: State) -> Iterator[tuple[str, str, float]]:
    """Everything that is measured so far: (tripwire, of what, number)."""
    examined = state.overseen.examined
    current = examined.get(state.current)
    for name, values in (current["measured"] if current else {}).items():
        for subject, value in values.items():
            yield name, subject, math.nan if value is None else float(value)
    yield from _overall(state)
    if (rate := improver_rate(state)) is not None:
        yield "improver", "all objectives", rate
    if adopted := state.versions[1:]:
        yield "adoptions", adopted[-1].time[:10], _within(_HOUR, [version.time for version in adopted])
    if hits := policy_hits(state):
        yield "policy", hits[-1][:10], _within(_DAY, hits)
    since, wrong = wrong_predictions(state)
    if wrong:
        yield "predictions", f"since version {since}", wrong


def findings(state: State, charter: Charter) -> list[Finding]:
    """What is to be told now and was not told yet, the strongest first."""
    found = []
    for name, subject, value in measured(state):
        step = reached(getattr(charter.tripwires, name), value) if name in NAMES else None
        if step is not None and _is_new(state, name, subject, step[0], value):
            found.append(Finding(name, subject, step[0], value, step[1]))
    return sorted(found, key=lambda finding: -ANSWERS.index(finding.answer))


def _is_new(state: State, name: str, subject: str, answer: str, value: float) -> bool:
    told = state.overseen.tripped.get((name, subject))
    if told is None:
        return True
    before = math.nan if told["measured"] is None else told["measured"]
    stronger = ANSWERS.index(answer) > ANSWERS.index(told["answer"])
    return stronger or (math.isnan(value) and not math.isnan(before)) or value >= AGAIN * before


def _within(span: datetime.timedelta, times: list[str]) -> float:
    """How many of these moments are no longer ago, at the last of them, than ``span``."""
    moments = [datetime.datetime.fromisoformat(time) for time in times]
    return float(sum(moment > moments[-1] - span for moment in moments))


def _overall(state: State) -> Iterator[tuple[str, str, float]]:
    """All objectives together: the geometric mean, by weight, of how many times as good each has become."""
    ratios: dict[str, float] = {}
    for number in sorted(state.overseen.examined):
        if number <= state.current and not state.versions[number].rolled_back:
            ratios |= state.overseen.examined[number]["measured"].get("acceleration", {})
    known = {name: value for name, value in ratios.items() if name in state.weights and value and value > 0}
    if len(known) > 1:
        total = math.fsum(state.weights[name] for name in known)
        mean = math.fsum(state.weights[name] * math.log(value) for name, value in known.items()) / total
        yield "acceleration", "all objectives", math.exp(min(mean, 700.0))


def improver_rate(state: State) -> float | None:
    """Gain per CPU second of the newest adoptions over that of the first; None before there are enough of both."""
    rows = [state.overseen.examined[number] for number in sorted(state.overseen.examined)]
    if len(rows) < 2 * FEW:
        return None
    first, last = (_rate(part) for part in (rows[:FEW], rows[-FEW:]))
    return last / first if first > 0 else (math.inf if last > 0 else None)


def _rate(rows: list[dict[str, Any]]) -> float:
    cpu = math.fsum(row["cpu_since"] for row in rows)
    return math.fsum(row["gain"] for row in rows) / cpu if cpu > 0 else 0.0


def wrong_predictions(state: State) -> tuple[int, float]:
    """Since which version, and for how many adoptions, no prediction was right; those without one do not count."""
    since, wrong = 0, 0.0
    by_version = {c.version: c for c in state.confirmations.values() if c.version is not None}
    for version in reversed(state.versions[1:]):
        said = (by_version[version.number].certificate or {}).get("prediction") or {}
        if said.get("inside") is True:
            break
        if said:
            since, wrong = version.number, wrong + 1
    return since, wrong


def policy_hits(state: State) -> list[str]:
    """The moment of every edit that a rule turned away, but for the innocent ones."""
    return [
        time
        for time, _, rules in state.overseen.screened
        for _ in range(min(1000, sum(n for rule, n in rules.items() if rule not in INNOCENT)))
    ]


def newest(state: State) -> Version | None:
    """The version that was adopted last, whatever became of it; None before any."""
    return state.versions[-1] if len(state.versions) > 1 else None


def cooling(state: State, charter: Charter, now: datetime.datetime) -> str | None:
    """Why nothing may be adopted so soon after the last adoption, or None."""
    last, rule = newest(state), charter.tripwires
    if last is None:
        return None
    if (
        rule.cooldown_s > 0
        and not (now - datetime.datetime.fromisoformat(last.time)).total_seconds() >= rule.cooldown_s
    ):
        return f"version {last.number} is not {rule.cooldown_s:g} s old yet"
    examined = state.overseen.examined.get(last.number)
    if rule.cooldown_trials and (examined is None or state.trials - examined["trials"] < rule.cooldown_trials):
        return f"fewer than {rule.cooldown_trials} trials since version {last.number}"
    return None
