"""After the verdict: the last checks, the guards, the charter's limits; then adopt or refuse."""

from __future__ import annotations

from collections.abc import Generator

from selfproof.archive.state import Confirming
from selfproof.domains.base import Domain, Finalist
from selfproof.life import Life
from selfproof.line import approving, guarding, permitting
from selfproof.line.adopting import adopt, limit, refuse
from selfproof.line.certificates import told, told_adopted, write
from selfproof.line.watching import stop_if_often, watch
from selfproof.nouns import Decision, Event


def decide(
    life: Life, domain: Domain, finalist: Finalist, confirming: Confirming
) -> Generator[Event, None, Decision | None]:
    """After a certified verdict: guards, the last checks, the charter's limits; then adopt or refuse."""
    verdict = confirming.verdict
    assert verdict is not None
    refusal: tuple[str, str] | None = None
    high_water: list[str] = []
    if verdict["answer"] not in {"certified", "uncertified"}:
        refusal = ("gate", verdict["reason"])
    if refusal is None and (broken := _checked(life, domain, finalist, confirming)):
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
    refusal = refusal or permitting.refusal(life, confirming)
    step, reason = refusal or ("adopt", verdict["reason"])
    if refusal is not None:
        refuse(life, confirming, step, reason)
        if step != "abandoned":
            domain.settled(finalist, adopted=False)
        yield told(confirming, domain.objective, "refused", step, reason)
        return None
    if permitting.signatures(life.state, life.charter, confirming, life.ledger.get_blob):
        approving.wait(life, confirming, high_water)
        domain.settled(finalist, adopted=False)
        yield told(confirming, domain.objective, "waits", "approval", "certified; approvers have to sign it")
        return None
    adopt(life, domain.objective.name, finalist.candidate, confirming, high_water)
    return (yield from settle(life, domain, finalist, confirming))


def _checked(life: Life, domain: Domain, finalist: Finalist, confirming: Confirming) -> str | None:
    """The domain's last deterministic check: the reason to refuse, or None."""
    if confirming.check is not None:  # before a kill: the answer stands
        reason: str | None = confirming.check["reason"]
        return reason
    before, body = (life.trials, life.cpu_seconds), confirming.body
    reason = domain.check(finalist, life.fresh_seed("check", body["candidate"], body["k"]))
    taken = {"trials": life.trials - before[0], "cpu_seconds": life.cpu_seconds - before[1]}
    life.log("check", {"confirmation": confirming.id, "passed": reason is None, "reason": reason, **taken})
    return reason


def settle(
    life: Life, domain: Domain, finalist: Finalist, confirming: Confirming
) -> Generator[Event, None, Decision | None]:
    """Watch what was just adopted; the decision, or None if it was taken back."""
    verdict, number = confirming.verdict, confirming.version
    assert verdict is not None
    canary = yield from watch(life, domain, finalist, confirming)
    write(life, confirming)
    kept = canary["answer"] != "rollback"
    domain.settled(finalist, adopted=kept)
    if not kept:
        stop_if_often(life)
        return None
    reason, effect = verdict["reason"], canary["effect"]
    yield told_adopted(confirming, domain.objective, effect)
    return Decision("adopted", "adopt", reason, finalist.candidate, version=number, effect=effect)
