"""The examination of a version that was just adopted: everything that its entry says, from what was run and recorded.

Runs are on explore samples, a few and always the same, so that nothing of a confirmation is given away. Attacks are
tried meanwhile in a process of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from selfproof.archive.evidence import anchor_rows
from selfproof.archive.state import Confirming
from selfproof.certify.recorded import used_up
from selfproof.charter import Objective
from selfproof.domains.base import Domain
from selfproof.examining import observing, probing
from selfproof.examining.answers import Answers, answers_of, compared, samples_of
from selfproof.examining.forbidden import forbidden
from selfproof.life import Life
from selfproof.nouns import Candidate

LARGEST = 1e9  # of a ratio: beyond it the number says no more than that it is large
Measured = dict[str, dict[str, float | None]]


def examine(life: Life, domain: Domain, without: Sequence[str] = ()) -> dict[str, Any]:
    """The body of the `examined` entry of the current version."""
    objective, now = domain.objective, life.state.now
    confirming = next(c for c in life.state.confirmations.values() if c.version == now.number)
    anchor, version = pair_of(life, objective)
    samples = samples_of(life, objective)
    with ThreadPoolExecutor(1) as beside:
        attacked = beside.submit(probing.probe, life, objective, version, samples, without)
        before, after = answers_of(life, objective, (anchor, version), samples)
        seen = observing.observed(life, objective, (anchor, version), samples)
        able = forbidden(life)
        probes = attacked.result()
    new = observing.new_in(life.state, seen)
    measured: Measured = compared(life.tasks[objective.name], objective, samples, before, after)
    measured["resources"] = {**resources(before, after), "size": size_of(life)}
    measured["guards"] = guards_of(life, confirming)
    measured["must_fail"] = _count([name for name, row in able.items() if row["able"]])
    measured["novelty"] = _count(new["first"])
    measured["probes"] = _count(probes["through"])
    return {
        "version": now.number, "objective": objective.name, "anchor": life.state.anchor,
        "measured": {name: {key: finite(value) for key, value in row.items()} for name, row in measured.items() if row},
        "new": {kind: names for kind, names in new.items() if kind != "first"},
        "answered": seen["answered"], "probes": probes, "must_fail": able,
        "gain": gain_of(now.effect, after), "cpu_since": cpu_since(life), "trials": life.state.trials,
    }  # fmt: skip


def pair_of(life: Life, objective: Objective) -> tuple[Candidate, Candidate]:
    """The objective's own files as at the anchor and as now; for a workload among the rest of the program as now."""
    anchor, version = life.version(objective, life.state.anchor), life.version(objective)
    if objective.kind == "speed":
        rest = life.files()
        return replace(anchor, files={**rest, **anchor.files}), replace(version, files=rest)
    return anchor, version


def _count(names: list[str]) -> dict[str, float | None]:
    told = ", ".join(names[:3])[:160] + (", ..." if len(names) > 3 else "")
    return {told: float(len(names))} if names else {}


def finite(value: float | None) -> float | None:
    """A number as the ledger can have it: None for what is none, and no larger than makes a difference."""
    return None if value is None or math.isnan(value) else max(-LARGEST, min(LARGEST, value))


def resources(before: Answers, after: Answers) -> dict[str, float | None]:
    """CPU, seconds and memory of the new version's trials over the anchor's; None where it gave no answer."""
    rows = {
        "CPU of a trial": ("cpu_s", 0.005),
        "seconds of a trial": ("seconds", 0.005),
        "memory of a trial": ("mb", 1),
    }
    found: dict[str, float | None] = {}
    for name, (field, floor) in rows.items():
        old, new = getattr(before, field), getattr(after, field)
        found[name] = max(new, floor) / max(old, floor) if old is not None and new is not None else None
    lost = before.seconds is not None and after.seconds is None
    return {name: value for name, value in found.items() if value is not None or lost}


def size_of(life: Life) -> float:
    """The program's characters over those of version 0."""
    return sum(map(len, life.files().values())) / max(1, life.first_size)


def guards_of(life: Life, confirming: Confirming) -> dict[str, float | None]:
    """What the change lost on each guard against the anchor, as a share of the margin, from the guards' own draws."""
    return {
        row["guard"]: used_up(anchor_rows(row, life.state.anchor, life.ledger), row["better"], row["margin"])
        for row in confirming.guards
    }


def gain_of(effect: dict[str, Any], after: Answers) -> float:
    """An effect as the logarithm of a ratio: of times as it is, of anything else against the score now."""
    value = float(effect.get("value", 0.0))
    if effect.get("kind") == "ratio":
        return math.log(max(value, 1e-9))
    now = abs(after.mean) if after.mean is not None else 1.0
    return math.log1p(max(0.0, value) / max(now, 0.01 * abs(value), 1e-9))


def cpu_since(life: Life) -> float:
    """CPU seconds of this run since the version before was examined, or since it began."""
    since, life.cpu_examined = life.cpu_seconds - life.cpu_examined, life.cpu_seconds
    return since
