"""What classes and policy rules say of a certified change, before it is adopted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selfproof.archive.state import Confirming, State
from selfproof.charter import Charter
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.life import Life
from selfproof.line.certificates import effect_in, rows_of
from selfproof.nouns import Blobs
from selfproof.oversight import classes, facts, policy

Read = Callable[[str], bytes]


def refusal(life: Life, confirming: Confirming) -> tuple[str, str] | None:
    """Why a certified change is not adopted now, as (step, reason), or None; what the rules say is an entry."""
    found = classes.in_force(life.state, life.charter, confirming.body["files"], life.ledger.get_blob)
    if name := classes.forbidden(life.charter, found):
        return "class", f"the charter forbids changes of class {name}"
    if not life.charter.rules:
        return None
    at = rfc3339(utc_now())
    told = facts_of(life.state, life.charter, confirming, life.ledger, at)
    answer = policy.judge(life.charter.rules, told, certified=True)
    body = {"confirmation": confirming.id, "at": at, "facts": told, "verdict": answer.verdict, "rule": answer.rule,
            "reason": answer.reason, "charter": life.state.charter["charter"], "base": life.state.current}  # fmt: skip
    life.log("policy", body, durable=True)
    return ("policy", f"rule {answer.rule}: {answer.reason}") if answer.verdict == "deny" else None


def facts_of(state: State, charter: Charter, confirming: Confirming, blobs: Blobs, at: str) -> dict[str, Any]:
    """Everything that the rules may ask of a certified change, as it would be made now."""
    body, verdict = confirming.body, confirming.verdict or {}
    before, after, approved = classes.trees(state, body["files"], blobs.get_blob)
    change = facts.Change(before, after, approved, body["objective"], body["kind"], body["proposer"], body["operator"])
    effect = effect_in(body, rows_of(confirming, blobs), confirming.broken)
    late = facts.of_confirmation(verdict["pairs"], verdict["losses"], effect, confirming.trials)
    return {**facts.of_change(state, charter, change, at, besides=confirming.id), **late}


def signatures(state: State, charter: Charter, confirming: Confirming, read: Read) -> int:
    """How many approvers must sign a certified change that would be made now; 0: nobody is asked."""
    found = classes.in_force(state, charter, confirming.body["files"], read)
    ruled: Mapping[str, Any] = state.overseen.policies.get(confirming.id, {})
    asked = charter.autonomy.level == "approve" or confirming.body["objective"] in charter.autonomy.approve
    asked = asked or bool(state.overseen.asking)  # by a tripwire
    return classes.signatures(charter, found, asked=asked or ruled.get("verdict") == "approve")


def allowed(state: State, charter: Charter, confirming: Confirming) -> bool:
    """Whether the rules were asked of exactly this step, and did not deny it."""
    ruled = state.overseen.policies.get(confirming.id)
    step = (state.charter["charter"], state.current)
    same = ruled is not None and (ruled["charter"], ruled["base"]) == step
    return not charter.rules or (same and ruled is not None and ruled["verdict"] in {"allow", "approve"})
