"""Run a candidate's guards: what the charter says must never get worse, against versions a person can point to."""

from __future__ import annotations

from typing import Any

from selfproof.archive.evidence import pack
from selfproof.archive.state import Confirming
from selfproof.certify import guards
from selfproof.certify.pairs import outside, quality_pair
from selfproof.certify.terms import GuardResult
from selfproof.charter import Guard, Objective
from selfproof.domains import paired
from selfproof.domains.base import Domain
from selfproof.levels import pool_of
from selfproof.life import Life
from selfproof.nouns import Candidate
from selfproof.trial.blocks import Block
from selfproof.trial.grouping import marks

BLOCKS = 6
MOST_BLOCKS = 60


def in_order(life: Life, objective: Objective) -> list[Guard]:
    """An objective's guards, exact ones first: they are cheap, and spend nothing when a later one would fail."""
    own = [guard for guard in life.charter.guards if guard.objective == objective.name]
    return sorted(own, key=lambda guard: not life.guards[guard.name].whole)


def passes(life: Life, domain: Domain, candidate: Candidate, guard: Guard, confirming: Confirming) -> tuple[bool, bool]:
    """Test a candidate against the anchor and the guard's high-water version; (passes, better than high water)."""
    test = confirming.id, guard.name
    if test in life.state.guard_answers:  # tested before a kill: the answer stands
        return life.state.guard_answers[test], life.state.guard_gains[test]
    if test in life.state.guarded:  # cut off by a kill: what was seen is lost, and is not drawn again
        return False, False
    task = life.guards[guard.name]
    counter, before = f"guard-{guard.name}", life.cpu_seconds
    number = life.state.counters.get(counter, 0) + 1
    level = 0.0 if task.whole else guards.guard_level(number)
    references = sorted({life.state.anchor, life.state.high_water(guard.name)})
    life.log("guard-start", {"guard": guard.name, "number": number, "confirmation": confirming.id}, durable=True)
    rows_of: dict[str, Any] = {}
    groups: list[str] = []
    all_pass, is_better, used = True, False, 0
    broken: str | None = None
    for reference in references:
        version = life.version(domain.objective, reference)
        versions = version, candidate
        if task.whole:
            rows, result, why, groups = _suite(life, versions, guard)
        else:
            rows, result, why, groups = _rows(life, versions, guard, (counter, number, reference, level))
        broken = broken or why
        used += 2 * len(rows)
        all_pass = all_pass and result.passed
        is_better = result.better
        rows_of[str(reference)] = life.blob(pack({"guard": guard.name, "reference": reference, "groups": groups}, rows))
    if broken is not None:  # whatever the draws before say
        all_pass = is_better = False
    life.log(
        "guard",
        {"guard": guard.name, "number": number, "confirmation": confirming.id, "candidate": candidate.id,
         "level": level, "margin": guard.margin, "span": task.span, "better": task.better, "references": rows_of,
         "passed": all_pass, "is_better": is_better, "broken": broken, "trials": used,
         "cpu_seconds": life.cpu_seconds - before},
    )  # fmt: skip
    return all_pass, is_better


def _suite(
    life: Life, versions: tuple[Candidate, Candidate], guard: Guard
) -> tuple[list[tuple[float, ...]], GuardResult, str | None, list[str]]:
    """Every item of a whole population, then every one again: no draw, no alpha."""
    task, pool = life.guards[guard.name], pool_of(life.state, guard.name)
    assert pool is not None
    fresh = paired.drawn(task, [*range(pool["items"])] * 2)
    measured = paired.on_blocks(life, versions, task, fresh, guard)
    pairs = [quality_pair(row, task.better) for row in measured.rows]
    groups = marks(task, fresh[: len(pairs)], 1) if guard.slices else []
    result = guards.judge_suite(pairs, pool["items"], guard.margin, groups)
    return list(measured.rows), result, measured.broken, groups


def _rows(
    life: Life, versions: tuple[Candidate, Candidate], guard: Guard,
    test: tuple[str, int, int, float],
) -> tuple[list[tuple[float, ...]], GuardResult, str | None, list[str]]:  # fmt: skip
    """Draw blocks until the guard passes at its level or its blocks are used up, or the candidate gives no answer."""
    counter, number, reference, level = test
    task = life.guards[guard.name]
    rows: list[tuple[float, ...]] = []
    blocks: list[Block] = []
    while True:
        drawn = [
            life.fresh_seed("guard", versions[1].id, counter, number, reference, len(rows) + j) for j in range(BLOCKS)
        ]
        fresh = paired.drawn(task, drawn)
        measured = paired.on_blocks(life, versions, task, fresh, guard)
        pairs = [quality_pair(row, task.better) for row in measured.rows]
        broken = measured.broken or next(filter(None, (outside(pair, task.span) for pair in pairs)), None)
        rows += measured.rows if broken is None else []
        blocks += fresh if broken is None else []
        drawn_blocks = [quality_pair(row, task.better).parts for row in rows]
        groups = marks(task, blocks, len(drawn_blocks[0])) if guard.slices and rows else []
        result = guards.judge_guard(drawn_blocks, groups, margin=guard.margin, span=task.span or 1.0, level=level)
        if broken is not None or result.passed or len(rows) >= MOST_BLOCKS:
            return rows, result, broken, groups
