"""The certificate of a confirmation, in words and numbers. It describes; nothing is decided by it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from selfproof.archive.evidence import unpack
from selfproof.archive.state import Confirming, State
from selfproof.certify import effect as effects
from selfproof.certify.pairs import pair_of
from selfproof.certify.recorded import effect_of, machine_of, pairing_of, prediction_of
from selfproof.certify.terms import Verdict
from selfproof.charter import Charter, Objective
from selfproof.levels import is_whole
from selfproof.life import Life
from selfproof.nouns import Blobs, Certificate, Event, Evidence
from selfproof.trial.task import Task, Workload

ASSUMES = (
    "the tasks are what the user cares about",
    "no state is carried from one pair to the next (each version answers each pair in a process of its own)",
    "the harness and its keys are outside the candidate's reach (see the tier)",
    "better means the clipped mean, which is the typical case",
)

UNISOLATED = "a candidate that reached its own scores, this record or its keys: nothing kept it from them"
SHARES = ("even one false adoption: alpha bounds the share of false ones among all adopted (mode fdr)",)
JOINT = "a candidate that touched its own score: it is run together with what measures it (joint)"
EXACT = "the samples are all there is; what repeats twice repeats always"
SINGLE_LOSSES = ("losses on single samples that gains on others make up for",)
HOLDOUT = (
    "the hold-out's items are independent draws from what the user cares about",
    "whoever proposes has learned of each earlier confirmation only whether it led to an adoption",
)


def evidence_of(
    state: State, charter: Charter, confirming: Confirming, verdict: Verdict, answer: str, *, pool: Mapping[str, Any]
) -> Evidence:
    """What the pairs say about a candidate, and under which conditions; all but ``pool`` follows from the ledger.

    ``answer`` is the line's: this describes it.
    """
    body, rule, broken = confirming.body, confirming.body["rule"], confirming.broken
    epoch: Mapping[str, Any] = state.open_epoch or {}
    blind = effects.blind_spot(verdict.pairs, rule["level"])
    claim, not_covered, assumes = _words(charter, body, f"losses in fewer than {blind:.1%} of runs")
    if verdict.answer == "uncertified":
        claim = f"nothing is certified: the rule {rule['test']!r} took it that " + claim
    if charter.objective(body["objective"]).joint:
        not_covered.append(JOINT)
    if epoch["tier"] == "none":
        not_covered.append(UNISOLATED)
    return Evidence(
        claim=claim + " than the version before it", objective=body["objective"], candidate=body["candidate"],
        incumbent=body["incumbent"], answer=answer, reason=broken or verdict.reason,
        k=body["k"], alpha_k=body["alpha_k"],
        pairs=verdict.pairs, log_wealth=verdict.log_wealth, log_mean_wealth=verdict.log_mean_wealth,
        log_threshold=verdict.log_threshold, log_loss_wealth=verdict.log_loss_wealth, losses=verdict.losses,
        test=rule["test"], scale=rule["scale"], minimum=rule["minimum"], margin=rule["margin"],
        span=rule["span"], blind_spot=blind, tier=epoch["tier"], layers=tuple(epoch["layers"]), seeds=epoch["seeds"],
        signer=epoch.get("signer", "same account"), pool=pool, not_covered=tuple(not_covered), assumes=tuple(assumes),
        granted=tuple(epoch["granted"].get(body["objective"], ())),
    )  # fmt: skip


def _words(charter: Charter, body: Mapping[str, Any], blind: str) -> tuple[str, list[str], list[str]]:
    """Claim, what is not covered and what is assumed, by kind of objective and by what its samples are drawn from."""
    objective, pool = charter.objective(body["objective"]), body["pool"]
    less = "less" if objective.better == "lower" else "more"
    source = "fresh samples" if pool is None else "samples like those of the hold-out"
    claim = f"on {source} of {objective.name} this version has typically {less} {objective.metric}"
    if objective.kind == "speed":
        function = body["notes"].get("function", objective.entry)
        claim = f"on fresh inputs {function} gives equal outputs in less time"
    if is_whole(pool):
        claim = f"on all {pool['items']} samples of {objective.name} together this version has {less} "
        return claim + objective.metric, ["anything but these samples", *SINGLE_LOSSES], [*ASSUMES[:-1], EXACT]
    if pool is not None:
        return claim, [blind], [*ASSUMES, *HOLDOUT]
    return claim, [blind, *(SHARES if charter.certify.mode == "fdr" else ())], list(ASSUMES)


def rows_of(confirming: Confirming, ledger: Blobs) -> list[tuple[float, ...]]:
    """The recorded pairs of a confirmation."""
    return [row for digest in confirming.evidence for row in unpack(ledger.get_blob(digest))[1]]


def own_rows(confirming: Confirming, ledger: Blobs) -> list[tuple[float, ...]]:
    """The same on a finite pool; of a whole population, which was run twice, the first half."""
    return rows_of(confirming, ledger)[: confirming.body["pool"]["items"]]


def effect_in(body: Mapping[str, Any], rows: Sequence[Sequence[float]], broken: str | None = None) -> dict[str, Any]:
    """The effect that rows of a confirmation, or of the pairs after it, show; on a whole population it is exact.

    A change that was confirmed on a finite pool has no fresh pairs to offer, and its effect says which it is from.
    """
    rule, pool = body["rule"], body["pool"]
    span = None if rule["margin"] is None else rule["span"]
    effect = effect_of(body["kind"], body["better"], rows, span, broken)
    if is_whole(pool) and rows:
        mean = math.fsum(pair_of(body["kind"], body["better"], row).y for row in rows) / len(rows)
        effect = {"kind": "difference", "value": mean, "interval": [mean, mean], "pairs": len(rows)}
    return effect if pool is None else {**effect, "from": effect_from(pool)}


def complete(state: State, confirming: Confirming, ledger: Blobs) -> dict[str, Any]:
    """The certificate of a decided confirmation, from what the ledger says: engine and auditor use this alike."""
    body, verdict = confirming.body, confirming.verdict or {}
    rows = rows_of(confirming, ledger)
    canary, decision = confirming.canary or {}, confirming.decision or {}
    kind, effect = body["kind"], canary.get("effect", {})
    measured = effect or effect_in(body, rows)
    spent = state.spent()
    taken_back = canary.get("answer") == "rollback"
    rest = Certificate(
        **{key: value for key, value in verdict.items() if key in Evidence.__dataclass_fields__},
        confirmation=confirming.id, version=confirming.version, anchor=state.anchor,
        decision="rolled back" if taken_back else decision["verdict"],
        step="canary" if taken_back else decision["step"],
        decided_because=(canary["broken"] or "fresh pairs show that it is worse") if taken_back else decision["reason"],
        spent=spent, left=state.charter["alpha"] - spent, effect=effect,
        canary={key: canary[key] for key in ("level", "log_wealth", "answer", "most") if canary},
        guards=tuple(_told(guard) for guard in confirming.guards),
        cost={"trials": confirming.trials, "seconds": _seconds(confirming), "cpu_seconds": confirming.cpu_seconds,
              "dollars": body["dollars"]},
        pairing=pairing_of(kind, rows), machine=machine_of(kind, rows),
        prediction=prediction_of(body["prediction"], measured),
    )  # fmt: skip
    return asdict(rest)


def _told(guard: dict[str, Any]) -> dict[str, Any]:
    kept = ("guard", "margin", "level", "passed", "is_better", "broken", "trials")
    return {**{key: guard[key] for key in kept}, "references": sorted(map(int, guard["references"]))}


def _seconds(confirming: Confirming) -> float:
    first, last = (datetime.datetime.fromisoformat(time) for time in (confirming.time, confirming.last))
    return (last - first).total_seconds()


def write(life: Life, confirming: Confirming) -> None:
    """Log the certificate of a confirmation that was judged and decided."""
    if confirming.verdict is not None and confirming.decision is not None and confirming.certificate is None:
        if confirming.decision["verdict"] == "waits":
            return
        life.log("certificate", complete(life.state, confirming, life.ledger))


def pool_told(task: Task | Workload) -> dict[str, Any]:
    """What a task says of the pool that pairs are drawn from; nobody else can check it."""
    return task.pool("confirm")


def progress(confirming: Confirming, verdict: Verdict, tier: str) -> Event:
    """How far a confirmation is, for whoever watches."""
    body = confirming.body
    return {
        "event": "confirm", "id": confirming.id, "objective": body["objective"], "title": body["title"],
        "k": body["k"], "alpha_k": body["alpha_k"], "pairs": verdict.pairs, "log_wealth": verdict.log_wealth,
        "log_threshold": verdict.log_threshold, "answer": verdict.answer, "tier": tier,
        "control": confirming.counter.startswith("control-"),
        "most_pairs": body["rule"]["most_pairs"], "log_mean_wealth": verdict.log_mean_wealth,
        "operator": body["operator"], "candidate": body["candidate"],
    }  # fmt: skip


def effect_from(pool: Mapping[str, Any]) -> str:
    """Which pairs tell how large a change on a finite pool is: there are no others than its own."""
    return "the whole population" if is_whole(pool) else "the pairs that certified it, which flatter it"


def commit_message(number: int, title: str, objective: str, verdict: dict[str, Any]) -> str:
    """What, why and the certificate in short."""
    evidence = f"ln W = {verdict['log_wealth']:.2f} >= {verdict['log_threshold']:.2f}"
    if not verdict["alpha_k"]:
        evidence = "every sample run twice, compared exactly"
    return (
        f"version {number}: {title[:60]}\n\nobjective: {objective}\nchange: {title}\n"
        f"{'certificate' if verdict['answer'] == 'certified' else 'NO CERTIFICATE'}: {verdict['claim']}\n"
        f"k = {verdict['k']}, alpha_k = {verdict['alpha_k']:.3g}, pairs = {verdict['pairs']}, "
        f"{evidence}, tier = {verdict['tier']}\n"
    )


def told(confirming: Confirming, objective: Objective, verdict: str, step: str, reason: str) -> dict[str, Any]:
    """The event of a decision, for the person who watches."""
    assert confirming.verdict is not None
    return {
        "event": "decision", "id": confirming.id, "objective": objective.name, "verdict": verdict, "step": step,
        "reason": reason, "title": confirming.body["title"], "pairs": confirming.verdict["pairs"],
        "metric": objective.metric,
    }  # fmt: skip


def told_adopted(confirming: Confirming, objective: Objective, effect: Mapping[str, Any]) -> Event:
    """The same of one that was adopted and kept."""
    body, verdict = confirming.body, confirming.verdict
    assert verdict is not None
    return told(confirming, objective, "adopted", "adopt", verdict["reason"]) | {
        "version": confirming.version, "operator": body["operator"], "answer": verdict["answer"], "effect": effect,
        "alpha_k": body["alpha_k"], "tier": verdict["tier"],
    }  # fmt: skip


def told_verdict(confirming: Confirming, evidence: Evidence, *, control: bool) -> Event:
    """The event of a verdict."""
    return {
        "event": "verdict", "id": confirming.id, "objective": evidence.objective, "answer": evidence.answer,
        "reason": evidence.reason, "pairs": evidence.pairs, "title": confirming.body["title"], "control": control,
    }  # fmt: skip
