"""Watch an adopted change on pairs that no decision has seen; take it back if they speak against it."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from typing import Any

from selfproof.archive.evidence import pack, unpack
from selfproof.archive.state import Confirming
from selfproof.certify.canary import canary_level, judge_canary
from selfproof.certify.pairs import pair_of
from selfproof.certify.recorded import effect_of
from selfproof.domains.base import Domain, Finalist
from selfproof.life import Halted, Life
from selfproof.line.undoing import rollback
from selfproof.nouns import Event

PAIRS = {"quality": (30, 90), "speed": (12, 48)}
"""Pairs at first (they estimate the effect), and at most, if the first ones speak against the change."""

ROLLBACKS = 3  # of the canary's, within a day: then a person should look


def watch(
    life: Life, domain: Domain, finalist: Finalist, confirming: Confirming
) -> Generator[Event, None, dict[str, Any]]:
    """Fresh pairs of the newest version against the one before: its effect, and whether it stays. Nothing else is
    adopted meanwhile. Returns the canary's entry.

    Raises:
        Halted: the canary has taken back three changes within a day.
    """  # fmt: skip
    objective, number = domain.objective, confirming.version
    assert number is not None
    if confirming.body["pool"] is not None:
        return own_pairs(life, domain, confirming)
    level, rule = canary_level(number), confirming.body["rule"]
    span = None if rule["margin"] is None else rule["span"]
    first, most = PAIRS[objective.kind]
    rows: list[tuple[float, ...]] = []
    broken, trials, cpu, answer, wealth = None, 0, 0.0, "more", 0.0
    while answer == "more" and broken is None:
        drawn = [
            life.fresh_seed("canary", finalist.candidate.id, number, j) for j in range(len(rows), len(rows) + first)
        ]
        measured = domain.begin(finalist, drawn)()
        rows, trials, broken = [*rows, *measured.rows], trials + measured.trials, measured.broken
        cpu += measured.cpu_seconds
        ys = [pair_of(objective.kind, objective.better, row).y for row in rows]
        answer, wealth = judge_canary(ys, rule["scale"], level, most)
    body: dict[str, Any] = {
        "version": number, "level": level, "most": most, "log_wealth": wealth, "broken": broken,
        "answer": "rollback" if broken else answer, "trials": trials,
        "effect": effect_of(objective.kind, objective.better, rows, span, broken), "cpu_seconds": cpu,
        "pairs": life.blob(pack({"version": number}, rows)),
    }  # fmt: skip
    life.log("canary", body, durable=True)
    if body["answer"] == "rollback":
        yield from _take_back(life, confirming, broken or "fresh pairs show that it is worse")
    return body


def own_pairs(life: Life, domain: Domain, confirming: Confirming) -> dict[str, Any]:
    """The entry of a change on a finite pool, which has no fresh pairs to watch it on: its effect is from the
    confirmation's own pairs, and says so; on a whole population it is the exact difference."""
    rule, number, objective = confirming.body["rule"], confirming.version, domain.objective
    rows = [row for digest in confirming.evidence for row in unpack(life.ledger.get_blob(digest))[1]]
    span = None if rule["margin"] is None else rule["span"]
    body: dict[str, Any] = {
        "version": number, "level": 0.0, "most": 0, "log_wealth": 0.0, "broken": None, "answer": "kept", "trials": 0,
        "effect": effect_of(objective.kind, objective.better, rows, span, None, confirming.body["pool"]),
        "cpu_seconds": 0.0, "pairs": life.blob(pack({"version": number}, rows)),
    }  # fmt: skip
    life.log("canary", body, durable=True)
    return body


def _take_back(life: Life, confirming: Confirming, reason: str) -> Generator[Event, None, None]:
    to = rollback(life, confirming.body["base_version"], reason=f"canary: {reason}", by="canary")
    yield {"event": "rollback", "objective": confirming.body["objective"], "version": confirming.version, "to": to,
           "reason": reason, "title": confirming.body["title"]}  # fmt: skip
    day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    recent = [r for r in life.state.rollbacks if r[1] == "canary" and datetime.datetime.fromisoformat(r[0]) > day]
    if len(recent) >= ROLLBACKS:
        reason = f"{len(recent)} adoptions were taken back within a day"
        life.paths.stop.write_text(f"{reason}; look at `selfproof log`\n", encoding="utf-8")
        raise Halted(reason)


def unwatched(life: Life) -> Confirming | None:
    """The confirmation of the newest version, if a kill came between its adoption and the end of its canary."""
    now = life.state.now
    if now.number == 0 or now.effect:
        return None
    return next(c for c in life.state.confirmations.values() if c.version == now.number)


def finalist_of(life: Life, domain: Domain, confirming: Confirming) -> Finalist:
    """An adopted candidate and the version that it was confirmed against, from the ledger."""
    now = life.version(domain.objective, confirming.version)
    before = life.version(domain.objective, confirming.body["base_version"])
    return Finalist(now, before, (), confirming.body["notes"])
