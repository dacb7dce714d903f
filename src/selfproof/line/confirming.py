"""A confirmation: fix the rule, log it, draw fresh pairs until the gate decides."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import asdict
from typing import Any

from selfproof import levels
from selfproof.archive.evidence import pack, unpack
from selfproof.archive.state import Confirming
from selfproof.archive.tree import digests, form_of, tree_of_digests
from selfproof.certify.judging import gate_for
from selfproof.certify.pairs import outside, pair_of
from selfproof.certify.scale import robust_scale
from selfproof.certify.terms import Gate, Level, Rule, Verdict
from selfproof.domains import sorting
from selfproof.domains.base import Domain, Finalist
from selfproof.domains.paired import IncumbentFailed
from selfproof.life import Life
from selfproof.line.adopting import refuse
from selfproof.line.certificates import evidence_of, pool_told, progress, told_verdict
from selfproof.nouns import Event, SelfproofError
from selfproof.trial.task import Task

WAITING: Event = {"event": "waiting"}
"""Pairs are with the workers: whoever drives a confirmation may do something else before it goes on."""


def rule_for(life: Life, domain: Domain, finalist: Finalist, level: Level) -> Rule:
    """Everything that a confirmation fixes before its first pair."""
    objective = domain.objective
    task = life.tasks[objective.name]
    span = task.span if isinstance(task, Task) else None
    minimum = math.log1p(objective.min_gain) if objective.kind == "speed" else objective.min_gain
    wide = span if span is not None else 1.0
    return Rule(
        level=level.alpha,
        scale=robust_scale(finalist.differences, declared_range=wide),
        most_pairs=level.most_pairs,
        minimum=minimum,
        margin=objective.margin if span is not None else None,
        span=wide,
        loss=objective.loss or None,
        loss_rate=objective.loss_rate,
        test=level.test,
    )


def start(life: Life, domain: Domain, finalist: Finalist, control: str | None) -> Confirming:
    """Log what is about to be confirmed, and at which level, before any of its seeds exists."""
    objective = domain.objective
    if control is None and life.is_barred(finalist.candidate):
        raise SelfproofError("a version that was adopted and taken back is never confirmed again")
    if control is None and (reason := levels.retired(life.state, objective.name)):
        raise ValueError(f"objective {objective.name} is retired: {reason}")
    level = levels.next_level(life.state, life.charter, objective.name, control=control is not None)
    rule = rule_for(life, domain, finalist, level)
    gate_for(rule)  # a rule that the gate would not take must not reach the ledger
    life.fresh_seed("ready")
    candidate = finalist.candidate
    edit = candidate.edit
    body = {
        "objective": objective.name, "kind": objective.kind, "better": objective.better, "counter": level.counter,
        "k": level.k, "alpha_k": level.alpha, "pool": levels.pool_of(life.state, objective.name),
        "candidate": candidate.id, "incumbent": finalist.incumbent.id,
        "base_version": life.state.current, "epoch": life.state.epoch,
        "files": digests(candidate.files), "texts": [life.blob(text) for text in candidate.files.values()],
        "form": form_of(candidate.files),
        "title": edit.title if edit else "", "operator": edit.operator if edit else "",
        "prediction": edit.prediction if edit else None, "dollars": edit.dollars if edit else 0.0,
        "proposer": edit.proposer if edit else "", "improver": edit.improver if edit else None,
        "differences": list(finalist.differences), "notes": finalist.notes, "watched": list(domain.sizes.watched),
        "rule": asdict(rule),
        "charter": life.state.charter["charter"], "tasks": tree_of_digests(life.state.charter["tasks"]),
        **({"classes": sorting.classes_of(life, candidate.files)} if control is None else {}),
    }  # fmt: skip
    leaf = life.log("confirm-start", body, durable=True)
    return life.state.confirmations[leaf.index]


def confirm(
    life: Life, domain: Domain, finalist: Finalist, *, control: str | None = None, opened: Confirming | None = None
) -> Generator[Event, None, Confirming]:
    """Test a finalist on fresh pairs until the gate decides; returns the ``Confirming`` through the generator."""
    confirming = opened or start(life, domain, finalist, control)
    body = confirming.body
    gate = gate_for(Rule(**body["rule"]))
    verdict = gate.verdict
    for digest in confirming.evidence:
        for row in unpack(life.ledger.get_blob(digest))[1]:
            verdict = gate.add(pair_of(domain.objective.kind, domain.objective.better, row))
    broken = confirming.broken
    yield progress(confirming, verdict, life.jail.tier)
    while verdict.answer == "undecided" and broken is None:
        life.pause_point()
        done = verdict.pairs
        drawn = _drawn(life, confirming, done, domain.sizes.ahead[done > 0])
        wait = domain.begin(finalist, drawn)
        if not domain.alone and body["pool"] is None:  # what races beside a hold-out would know how long it took
            yield WAITING
        try:
            measured = wait()
        except IncumbentFailed as error:
            refuse(life, confirming, "abandoned", str(error))
            raise
        verdict, used, outside = _feed(gate, body, measured.rows)
        broken = outside or measured.broken
        header: dict[str, Any] = {"confirmation": confirming.id, "first": done}
        if body["pool"] is not None:
            header["numbers"] = drawn[:used]
        life.log(
            "results",
            {"confirmation": confirming.id, "first": done, "n": used, "trials": measured.trials, "tier": measured.tier,
             "cpu_seconds": measured.cpu_seconds, "epoch": life.state.epoch,
             "pairs": life.blob(pack(header, measured.rows[:used])), "broken": broken},
        )  # fmt: skip
        yield progress(confirming, verdict, measured.tier)
    answer = "refused" if broken is not None else verdict.answer
    pool = pool_told(life.tasks[body["objective"]])
    evidence = evidence_of(life.state, life.charter, confirming, verdict, answer, pool=pool)
    life.log("verdict", {"confirmation": confirming.id, **asdict(evidence)}, durable=True)
    yield told_verdict(confirming, evidence, control=control is not None)
    return confirming


def _drawn(life: Life, confirming: Confirming, first: int, ahead: int) -> list[int]:
    """Seeds of the next pairs; for a pool of finitely many samples their numbers."""
    body = confirming.body
    if body["pool"] is not None:
        return levels.order(life.state, body)[first : first + ahead]
    purpose = "confirm", body["candidate"], confirming.counter, body["k"]
    return [life.fresh_seed(*purpose, first + j) for j in range(ahead)]


def _feed(gate: Gate, body: dict[str, Any], rows: Sequence[Sequence[float]]) -> tuple[Verdict, int, str | None]:
    """Feed pairs up to the first that decides, or that cannot be bet on; how many were used, and why it cannot."""
    verdict, span = gate.verdict, None if body["rule"]["margin"] is None else body["rule"]["span"]
    for used, row in enumerate(rows):
        pair = pair_of(body["kind"], body["better"], row)
        if broken := outside(pair, span):
            return verdict, used, broken
        verdict = gate.add(pair)
        if verdict.answer != "undecided":
            return verdict, used + 1, None
    return verdict, len(rows), None
