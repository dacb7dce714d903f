"""A charter's policy: rules in their order over typed facts, of which the first whose conditions all hold decides.

Pure, and closed on both sides: a fact that is missing, unknown, of another type, not a number or infinite denies,
whatever the rules say, and so does a rule that cannot be read. Where no rule holds the change goes the charter's usual
way.

Does not protect against: a rule that asks for the wrong thing; facts that a proposer chooses itself (its operator's
name, how it splits its lines). No rule makes a change better: the gate stands behind all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfproof.charter import CLASSES, PolicyRule
from selfproof.charter.conditions import Condition, parse
from selfproof.charter.sections import FACTS, LATE, NAMES, TEXT


@dataclass(frozen=True)
class Answer:
    """What the policy says: "deny", "approve", "allow", or "later" (a rule asks what nobody knows yet); and by which
    rule: "" is none of them, "facts" and "rules" are faults."""

    verdict: str
    rule: str
    reason: str


def judge(rules: Sequence[PolicyRule], facts: Mapping[str, Any], *, certified: bool) -> Answer:
    """Ask the rules; ``certified``: the facts of a confirmation are there too."""
    if fault := _fault(facts, certified=certified):
        return Answer("deny", "facts", fault)
    for rule in rules:
        try:
            conditions = [parse(text) for text in rule.when]
        except ValueError as error:
            return Answer("deny", "rules", f"{rule.id}: {error}")
        known = [one for one in conditions if certified or one.fact not in LATE]
        if not conditions or not all(_holds(one, facts[one.fact]) for one in known):
            continue
        if len(known) < len(conditions):
            return Answer("later", rule.id, "")
        return Answer(rule.then if rule.then in {"approve", "allow"} else "deny", rule.id, rule.reason)
    return Answer("allow", "", "")


def _fault(facts: Mapping[str, Any], *, certified: bool) -> str:
    """What is wrong with the facts, or ""."""
    wanted = set(FACTS) if certified else set(FACTS) - LATE
    if set(facts) != wanted:
        return f"missing or unknown: {', '.join(sorted(map(str, set(facts) ^ wanted)))}"
    wrong = (name for name in FACTS if name in wanted and not _sound(name, facts[name]))
    return next((f"{name} is not what it must be" for name in wrong), "")


def _sound(name: str, value: Any) -> bool:
    kind = FACTS[name][0]
    if kind == TEXT:
        return isinstance(value, str)
    if kind == NAMES:
        return isinstance(value, list | tuple) and all(isinstance(one, str) and one in CLASSES for one in value)
    return type(value) in (int, float) and math.isfinite(value)


def _holds(condition: Condition, fact: Any) -> bool:
    value: Any = condition.value
    match condition.operator:
        case "<":
            return bool(fact < value)
        case "<=":
            return bool(fact <= value)
        case ">":
            return bool(fact > value)
        case ">=":
            return bool(fact >= value)
        case "==":
            return bool(fact == value)
        case "!=":
            return bool(fact != value)
        case "has":
            return value in fact
        case _:
            return value not in fact
