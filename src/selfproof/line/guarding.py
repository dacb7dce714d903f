"""Run a candidate's guards: what the charter says must never get worse, against versions a person can point to."""

from __future__ import annotations

from typing import Any

from selfproof.archive.evidence import pack
from selfproof.archive.state import Confirming
from selfproof.certify import guards
from selfproof.certify.pairs import quality_pair
from selfproof.charter import Guard
from selfproof.domains import paired
from selfproof.domains.base import Domain
from selfproof.life import Life
from selfproof.nouns import Candidate

BLOCKS = 6
MOST_BLOCKS = 60


def passes(life: Life, domain: Domain, candidate: Candidate, guard: Guard, confirming: Confirming) -> tuple[bool, bool]:
    """Test a candidate against the anchor and the guard's high-water version; (passes, better than high water)."""
    test = confirming.id, guard.name
    if test in life.state.guard_answers:  # tested before a kill: the answer stands
        return life.state.guard_answers[test], life.state.guard_gains[test]
    if test in life.state.guarded:  # cut off by a kill: what was seen is lost, and is not drawn again
        return False, False
    task = life.guards[guard.name]
    span = task.span
    if span is None:
        raise ValueError(f"guard {guard.name}: its task must be a mean with a declared span")
    counter, before = f"guard-{guard.name}", life.cpu_seconds
    number = life.state.counters.get(counter, 0) + 1
    level = guards.guard_level(number)
    references = sorted({life.state.anchor, life.state.high_water(guard.name)})
    life.log("guard-start", {"guard": guard.name, "number": number, "confirmation": confirming.id}, durable=True)
    rows_of: dict[str, Any] = {}
    all_pass, is_better, used = True, False, 0
    broken: str | None = None
    for reference in references:
        version = life.version(domain.objective, reference)
        rows, result, why = _rows(life, (version, candidate), guard, (counter, number, reference, level))
        broken = broken or why
        used += 2 * len(rows)
        all_pass = all_pass and result.passed
        is_better = result.better
        rows_of[str(reference)] = life.blob(pack({"guard": guard.name, "reference": reference}, rows))
    if broken is not None:  # whatever the draws before say
        all_pass = is_better = False
    life.log(
        "guard",
        {"guard": guard.name, "number": number, "confirmation": confirming.id, "candidate": candidate.id,
         "level": level, "margin": guard.margin, "span": span, "better": task.better, "references": rows_of,
         "passed": all_pass, "is_better": is_better, "broken": broken, "trials": used,
         "cpu_seconds": life.cpu_seconds - before},
    )  # fmt: skip
    return all_pass, is_better


def _rows(
    life: Life, versions: tuple[Candidate, Candidate], guard: Guard,
    test: tuple[str, int, int, float],
) -> tuple[list[tuple[float, ...]], guards.GuardResult, str | None]:  # fmt: skip
    """Draw blocks until the guard passes at its level or its blocks are used up, or the candidate gives no answer."""
    counter, number, reference, level = test
    task = life.guards[guard.name]
    rows: list[tuple[float, ...]] = []
    while True:
        drawn = [
            life.fresh_seed("guard", versions[1].id, counter, number, reference, len(rows) + j) for j in range(BLOCKS)
        ]
        measured = paired.on_seeds(life, versions, task, drawn)
        rows += measured.rows
        flat = [part for row in rows for part in quality_pair(row, task.better).parts]
        result = guards.judge_guard(flat, margin=guard.margin, span=task.span or 1.0, level=level)
        if measured.broken is not None or result.passed or len(rows) >= MOST_BLOCKS:
            return rows, result, measured.broken
