"""Watch an adopted change on pairs that no decision has seen; take it back if they speak against it."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from typing import Any

from selfproof.archive.evidence import pack
from selfproof.archive.state import Confirming
from selfproof.certify.canary import canary_level, judge_canary
from selfproof.certify.pairs import outside, pair_of
from selfproof.domains.base import Domain, Finalist
from selfproof.domains.sizes import watched_of
from selfproof.life import Halted, Life
from selfproof.line.certificates import effect_in, own_rows
from selfproof.line.undoing import rollback
from selfproof.nouns import Event

ROLLBACKS = 3  # of the canary's, within a day: then a person should look


def watch(
    life: Life, domain: Domain, finalist: Finalist, confirming: Confirming
) -> Generator[Event, None, dict[str, Any]]:
    """Fresh pairs of the newest version against the one before: its effect, and whether it stays.

    Nothing else is adopted meanwhile. A finite pool has no fresh pairs: there the confirmation's own tell the effect,
    and nothing can be taken back. Returns the canary's entry.
    """
    objective, number = domain.objective, confirming.version
    assert number is not None
    level, scale, rule = canary_level(number), confirming.body["rule"]["scale"], confirming.body["rule"]
    span = None if rule["margin"] is None else rule["span"]
    first, most = watched_of(confirming.body)
    rows: list[tuple[float, ...]] = []
    broken, trials, cpu, answer, wealth = None, 0, 0.0, "more", 0.0
    if confirming.body["pool"] is not None:
        rows, answer, level, most = own_rows(confirming, life.ledger), "kept", 0.0, 0
    while answer == "more" and broken is None:
        drawn = [
            life.fresh_seed("canary", finalist.candidate.id, number, j) for j in range(len(rows), len(rows) + first)
        ]
        measured = domain.begin(finalist, drawn)()
        rows, trials, broken = [*rows, *measured.rows], trials + measured.trials, measured.broken
        cpu += measured.cpu_seconds
        pairs = [pair_of(objective.kind, objective.better, row) for row in rows]
        broken = broken or next(filter(None, (outside(pair, span) for pair in pairs)), None)
        answer, wealth = judge_canary([pair.y for pair in pairs], scale, level, most)
    body: dict[str, Any] = {
        "version": number, "level": level, "most": most, "log_wealth": wealth, "broken": broken,
        "answer": "rollback" if broken else answer, "trials": trials,
        "effect": effect_in(confirming.body, rows, broken), "cpu_seconds": cpu,
        "pairs": life.blob(pack({"version": number}, rows)),
    }  # fmt: skip
    life.log("canary", body, durable=True)
    if body["answer"] == "rollback":
        yield from take_back(life, confirming)
    return body


def take_back(life: Life, confirming: Confirming) -> Generator[Event, None, None]:
    """Do what the canary of the current version said: the exact version before it is the program again."""
    reason = (confirming.canary or {}).get("broken") or "fresh pairs show that it is worse"
    retired = life.state.overseen.retired  # never all of them: the rule for entries of this kind
    before = (
        v.number for v in life.state.versions[: confirming.version] if not v.rolled_back and v.number not in retired
    )
    to = rollback(life, max(before), reason=f"canary: {reason}", by="canary")
    yield {"event": "rollback", "objective": confirming.body["objective"], "version": confirming.version, "to": to,
           "reason": reason, "title": confirming.body["title"]}  # fmt: skip


def stop_if_often(life: Life) -> None:
    """End the run, and keep it ended until a person resumes it, if the canary took back three changes within a day.

    Raises:
        Halted: it did.
    """
    day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    recent = [r for r in life.state.rollbacks if r[1] == "canary" and datetime.datetime.fromisoformat(r[0]) > day]
    if len(recent) >= ROLLBACKS:
        reason = f"{len(recent)} adoptions were taken back within a day"
        life.halt("canary", reason)
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
