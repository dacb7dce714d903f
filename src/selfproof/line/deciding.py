"""After the verdict: the last checks, the guards, the charter's limits; then adopt or refuse."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from selfproof.archive.state import Confirming
from selfproof.domains.base import Domain, Finalist
from selfproof.life import Life
from selfproof.line import guarding
from selfproof.line.adopting import adopt, limit, refuse
from selfproof.line.watching import canary
from selfproof.nouns import Decision, Event


def decide(
    life: Life, domain: Domain, finalist: Finalist, confirming: Confirming
) -> Generator[Event, None, Decision | None]:
    """After a certified verdict: guards, the last checks, the charter's limits; then adopt or refuse."""
    body = confirming.body
    verdict = confirming.verdict
    assert verdict is not None
    refusal: tuple[str, str] | None = None
    high_water: list[str] = []
    if verdict["answer"] != "certified":
        refusal = ("gate", verdict["reason"])
    if refusal is None and (broken := domain.check(finalist, life.fresh_seed("check", body["candidate"], body["k"]))):
        refusal = ("check", broken)
    if refusal is None:
        for guard in guarding.in_order(life, domain.objective):
            if refusal is None:
                passed, is_better = guarding.passes(life, domain, finalist.candidate, guard, confirming)
                if (confirming.id, guard.name) not in life.state.guard_answers:  # which is nobody's fault
                    refusal = ("abandoned", f"the run ended while guard {guard.name} was tested")
                elif not passed:
                    refusal = ("guard", f"guard {guard.name} does not pass")
                high_water += [guard.name] if is_better else []
    if refusal is None and (reason := limit(life)):
        refusal = ("charter", reason)
    step, reason = refusal or ("adopt", verdict["reason"])
    if refusal is not None:
        refuse(life, confirming, step, reason)
        if step != "abandoned":
            domain.settled(finalist, adopted=False)
        yield {"event": "decision", "id": confirming.id, "objective": domain.objective.name, "verdict": "refused",
               "step": step, "reason": reason, "title": body["title"], "pairs": verdict["pairs"],
               "metric": domain.objective.metric}  # fmt: skip
        return None
    decision = adopt(life, domain.objective, finalist, confirming, high_water)
    domain.settled(finalist, adopted=True)
    measured = canary(life, domain, finalist, decision)
    decision = replace(decision, effect=measured)
    yield {"event": "decision", "id": confirming.id, "objective": domain.objective.name, "verdict": "adopted",
           "step": "adopt", "reason": reason, "version": decision.version, "title": body["title"],
           "operator": body["operator"], "effect": measured, "pairs": verdict["pairs"],
           "alpha_k": body["alpha_k"], "tier": verdict["tier"], "metric": domain.objective.metric}  # fmt: skip
    return decision
