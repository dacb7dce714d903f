"""The certified line: confirm a finalist, decide, adopt, measure the effect, roll back. The only way in.

Ledger order of an adoption: confirm-start (durable) -> results -> verdict (durable) -> guards -> decision ->
adopt (durable) -> git commit -> effect. A kill between any two is finished or discarded at the next start.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from selfproof import guarding
from selfproof.adopt import repo
from selfproof.archive.evidence import pack, unpack
from selfproof.archive.state import Confirming
from selfproof.archive.tree import digests, tree_hash, tree_of_digests
from selfproof.certify import effect as effects
from selfproof.certify import spending
from selfproof.certify.gate import Confirmation, Rule, Verdict
from selfproof.certify.pairs import quality_pair, speed_pair
from selfproof.certify.race import PRESETS
from selfproof.certify.scale import robust_scale
from selfproof.charter import Objective
from selfproof.domains.base import Domain, Finalist, Measured
from selfproof.life import Life
from selfproof.nouns import Candidate, Certificate, Decision, Edit, Event, SelfproofError, UsageError
from selfproof.trial.task import Task

FIRST_PAIRS = 12
MORE_PAIRS = 6
CANARY_PAIRS = {"quality": 30, "speed": 12}

ASSUMES = (
    "the tasks are what the user cares about",
    "no state is carried from one pair to the next (each version answers each pair in a process of its own)",
    "the harness and its keys are outside the candidate's reach (see the tier)",
    "better means the clipped mean, which is the typical case",
)


def rule_for(life: Life, domain: Domain, finalist: Finalist, level: float) -> Rule:
    """Everything that a confirmation fixes before its first pair."""
    objective = domain.objective
    task = life.tasks[objective.name]
    span = task.span if isinstance(task, Task) else None
    minimum = math.log1p(objective.min_gain) if objective.kind == "speed" else objective.min_gain
    wide = span if span is not None else 1.0
    return Rule(
        level=level,
        scale=robust_scale(finalist.differences, declared_range=wide),
        most_pairs=PRESETS[life.charter.certify.preset].confirm_pairs,
        minimum=minimum,
        margin=objective.margin if span is not None else None,
        span=wide,
    )


def start(life: Life, domain: Domain, finalist: Finalist, control: str | None) -> Confirming:
    """Log what is about to be confirmed, and at which level, before any of its seeds exists."""
    objective = domain.objective
    counter = objective.name if control is None else f"control-{objective.name}"
    k = life.state.counters.get(counter, 0) + 1
    level = spending.level(life.state.charter["alpha"], life.state.weights[objective.name], k)
    rule = rule_for(life, domain, finalist, level)
    Confirmation(rule)  # a rule that the gate would not take must not reach the ledger
    life.fresh_seed("ready")
    candidate = finalist.candidate
    edit = candidate.edit
    body = {
        "objective": objective.name, "kind": objective.kind, "better": objective.better, "counter": counter, "k": k,
        "alpha_k": level, "candidate": candidate.id, "incumbent": finalist.incumbent.id,
        "base_version": life.state.current, "epoch": life.state.epoch,
        "files": digests(candidate.files), "texts": [life.blob(text) for text in candidate.files.values()],
        "title": edit.title if edit else "", "operator": edit.operator if edit else "",
        "differences": list(finalist.differences), "notes": finalist.notes,
        "rule": asdict(rule),
        "charter": life.state.charter["charter"], "tasks": tree_of_digests(life.state.charter["tasks"]),
    }  # fmt: skip
    leaf = life.log("confirm-start", body, durable=True)
    return life.state.confirmations[leaf.index]


def confirm(
    life: Life, domain: Domain, finalist: Finalist, *, control: str | None = None, opened: Confirming | None = None
) -> Generator[Event, None, Confirming]:
    """Test a finalist on fresh pairs until the gate decides; returns the ``Confirming`` through the generator."""
    confirming = opened or start(life, domain, finalist, control)
    body = confirming.body
    gate = Confirmation(Rule(**body["rule"]))
    verdict = gate.verdict
    for digest in confirming.evidence:
        for row in unpack(life.ledger.get_blob(digest))[1]:
            verdict = gate.add(_pair(domain.objective, row))
    tier, broken = life.jail.tier, confirming.broken
    yield _progress(confirming, verdict, tier)
    while verdict.answer == "undecided" and broken is None:
        life.pause_point()
        done = verdict.pairs
        ahead = FIRST_PAIRS if done == 0 else MORE_PAIRS
        drawn = [
            life.fresh_seed("confirm", body["candidate"], confirming.counter, body["k"], done + j) for j in range(ahead)
        ]
        measured = domain.measure(finalist, drawn)
        tier, broken = measured.tier, measured.broken
        verdict, used = _feed(gate, domain.objective, measured.rows)
        header = {"confirmation": confirming.id, "first": done}
        life.log(
            "results",
            {"confirmation": confirming.id, "first": done, "n": used, "trials": measured.trials, "tier": tier,
             "epoch": life.state.epoch, "pairs": life.blob(pack(header, measured.rows[:used])), "broken": broken},
        )  # fmt: skip
        yield _progress(confirming, verdict, tier)
    answer = "refused" if broken is not None else verdict.answer
    certificate = _certificate(life, domain, finalist, confirming, verdict, answer, broken or verdict.reason, tier)
    life.log("verdict", {"confirmation": confirming.id, **asdict(certificate)}, durable=True)
    yield {"event": "verdict", "id": confirming.id, "objective": domain.objective.name, "answer": answer,
           "reason": certificate.reason, "pairs": verdict.pairs, "title": body["title"],
           "control": control is not None}  # fmt: skip
    return confirming


def _feed(gate: Confirmation, objective: Objective, rows: Sequence[Sequence[float]]) -> tuple[Verdict, int]:
    """Feed pairs up to the first that decides; returns the verdict and how many were used."""
    verdict = gate.verdict
    for used, row in enumerate(rows):
        verdict = gate.add(_pair(objective, row))
        if verdict.answer != "undecided":
            return verdict, used + 1
    return verdict, len(rows)


def _pair(objective: Objective, row: Sequence[float]) -> Any:
    if objective.kind == "speed":
        return speed_pair(row)
    return quality_pair(row, "lower" if objective.better == "lower" else "higher")


def _progress(confirming: Confirming, verdict: Verdict, tier: str) -> Event:
    body = confirming.body
    return {
        "event": "confirm", "id": confirming.id, "objective": body["objective"], "title": body["title"],
        "k": body["k"], "alpha_k": body["alpha_k"], "pairs": verdict.pairs, "log_wealth": verdict.log_wealth,
        "log_threshold": verdict.log_threshold, "answer": verdict.answer, "tier": tier,
        "control": confirming.counter.startswith("control-"),
    }  # fmt: skip


def _certificate(
    life: Life, domain: Domain, finalist: Finalist, confirming: Confirming, verdict: Verdict, answer: str,
    reason: str, tier: str,
) -> Certificate:  # fmt: skip
    objective, body = domain.objective, confirming.body
    rule = body["rule"]
    task = life.tasks[objective.name]
    less = "less" if objective.better == "lower" else "more"
    claim = f"on fresh samples of {objective.name} this version has typically {less} {objective.metric}"
    if objective.kind == "speed":
        claim = f"on fresh inputs {finalist.notes.get('function', objective.entry)} gives equal outputs in less time"
    blind = effects.blind_spot(verdict.pairs, rule["level"])
    not_covered = [f"losses in fewer than {blind:.1%} of runs"]
    if tier == "none":
        not_covered.append(
            "a candidate that reached its own scores, this record or its keys: nothing kept it from them"
        )
    return Certificate(
        claim=claim + " than the version before it", objective=objective.name, candidate=body["candidate"],
        incumbent=body["incumbent"], answer=answer, reason=reason, k=body["k"], alpha_k=body["alpha_k"],
        pairs=verdict.pairs, log_wealth=verdict.log_wealth, log_mean_wealth=verdict.log_mean_wealth,
        log_threshold=verdict.log_threshold, scale=rule["scale"], minimum=rule["minimum"], margin=rule["margin"],
        span=rule["span"], blind_spot=blind, tier=tier, layers=tuple(life.jail.layers), seeds=life.seeds_kind,
        signer="same account",
        pool=task.pool("confirm") if isinstance(task, Task) else {"split": "confirm", "inputs": "fresh for each pair"},
        not_covered=tuple(not_covered), assumes=ASSUMES, granted=life.limits_of(objective).grants.lines(),
    )  # fmt: skip


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
        for guard in life.charter.guards:
            if guard.objective == domain.objective.name and refusal is None:
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


def refuse(life: Life, confirming: Confirming, step: str, reason: str) -> None:
    """Close a confirmation without adopting its candidate; its alpha stays spent."""
    life.log("decision", {"confirmation": confirming.id, "verdict": "refused", "step": step, "reason": reason})


def resume(life: Life, domain: Domain | None, confirming: Confirming) -> Iterator[Event]:
    """Finish a confirmation that a kill left open, with the wealth and the k that it had.

    A quality confirmation goes on at the next unused seed. A timed one is abandoned, since its pairs were measured in
    other circumstances, and so is one whose incumbent, charter or tasks are no longer the same.
    """
    body = confirming.body
    usable = (
        domain is not None
        and domain.objective.kind == "quality"
        and not confirming.counter.startswith("control-")
        and body["base_version"] == life.state.current
        and body["charter"] == life.state.charter["charter"]
        and body["tasks"] == tree_of_digests(life.state.charter["tasks"])
    )
    if not usable or domain is None:
        refuse(life, confirming, "abandoned", "the run was killed while it was being confirmed")
        yield {"event": "resumed", "id": confirming.id, "title": body["title"], "how": "abandoned, its alpha is spent"}
        return
    texts = {path: life.ledger.get_blob(digest).decode() for path, digest in body["files"].items()}
    edit = Edit(body["objective"], texts, body["title"], body["operator"], body["incumbent"])
    candidate = Candidate(body["candidate"], body["objective"], texts, edit)
    finalist = Finalist(candidate, life.version(domain.objective), tuple(body["differences"]), body["notes"])
    yield {"event": "resumed", "id": confirming.id, "title": body["title"], "how": "goes on at the next unused seed"}
    if confirming.verdict is None:
        life.fresh_seed("ready")
        confirming = yield from confirm(life, domain, finalist, opened=confirming)
    yield from decide(life, domain, finalist, confirming)


def limit(life: Life) -> str | None:
    """Why the charter allows no adoption now, or None; asked before alpha is spent and again before an adoption."""
    if life.charter.autonomy.level != "autonomous":
        return f"the charter's autonomy level is {life.charter.autonomy.level}"
    day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    recent = [v for v in life.state.versions[1:] if datetime.datetime.fromisoformat(v.time) > day]
    if len(recent) >= life.charter.budget.adoptions_per_day:
        return f"{len(recent)} adoptions in 24 hours are all that the charter allows"
    return None


def missing_effect(life: Life, domains: Mapping[str, Domain]) -> None:
    """Measure the newest version's effect if a kill came between its adoption and that."""
    now = life.state.now
    domain = domains.get(now.objective)
    if now.number == 0 or now.effect or domain is None:
        return
    confirming = next(c for c in life.state.confirmations.values() if c.version == now.number)
    earlier = life.version(domain.objective, confirming.body["base_version"])
    finalist = Finalist(life.version(domain.objective), earlier, (), confirming.body["notes"])
    try:
        canary(life, domain, finalist, Decision("adopted", "adopt", "", finalist.candidate, version=now.number))
    except SelfproofError as error:
        effect = {"kind": "unknown", "reason": str(error)}
        empty = life.blob(pack({"version": now.number}, []))
        life.log("canary", {"version": now.number, "effect": effect, "trials": 0, "pairs": empty})


def adopt(
    life: Life, objective: Objective, finalist: Finalist, confirming: Confirming, high_water: Sequence[str]
) -> Decision:
    """Write the leaf, then the commit: from the leaf on the change is adopted, whatever happens to us."""
    files = {**life.files(), **finalist.candidate.files}
    body, verdict = confirming.body, confirming.verdict
    assert verdict is not None
    number = len(life.state.versions)
    message = commit_message(number, body["title"], objective.name, verdict)
    leaf = life.log(
        "adopt",
        {"version": number, "parent": life.state.current, "confirmation": confirming.id, "objective": objective.name,
         "candidate": body["candidate"], "title": body["title"], "tree": tree_hash(files), "files": digests(files),
         "texts": [life.blob(text) for text in finalist.candidate.files.values()],
         "message": message, "high_water": list(high_water)},
        durable=True,
    )  # fmt: skip
    repo.commit(life.tree, files, message, leaf.time)
    return Decision("adopted", "adopt", verdict["reason"], finalist.candidate, version=number)


def commit_message(number: int, title: str, objective: str, verdict: dict[str, Any]) -> str:
    """What, why and the certificate in short."""
    return (
        f"version {number}: {title[:60]}\n\nobjective: {objective}\nchange: {title}\n"
        f"certificate: {verdict['claim']}\n"
        f"k = {verdict['k']}, alpha_k = {verdict['alpha_k']:.3g}, pairs = {verdict['pairs']}, "
        f"ln W = {verdict['log_wealth']:.2f} >= {verdict['log_threshold']:.2f}, tier = {verdict['tier']}\n"
    )


def canary(life: Life, domain: Domain, finalist: Finalist, decision: Decision) -> dict[str, Any]:
    """How large the gain is, from pairs that no decision has seen."""
    drawn = [
        life.fresh_seed("canary", finalist.candidate.id, decision.version, j)
        for j in range(CANARY_PAIRS[domain.objective.kind])
    ]
    measured: Measured = domain.measure(finalist, drawn)
    ys = [_pair(domain.objective, row).y for row in measured.rows]
    if len(ys) < 6:
        effect: dict[str, Any] = {"kind": "unknown", "reason": measured.broken or "too few pairs"}
    elif domain.objective.kind == "speed":
        found = effects.median_interval(ys)
        effect = {"kind": "ratio", "value": math.exp(found.value),
                  "interval": [math.exp(found.low), math.exp(found.high)], "pairs": found.n}  # fmt: skip
    else:
        found = effects.mean_interval(ys)
        effect = {"kind": "difference", "value": found.value, "interval": [found.low, found.high], "pairs": found.n}
    body = {
        "version": decision.version, "effect": effect, "trials": measured.trials,
        "pairs": life.blob(pack({"version": decision.version}, measured.rows)),
    }  # fmt: skip
    life.log("canary", body)
    return effect


def rollback(life: Life, to: int, *, reason: str, by: str = "person") -> int:
    """Make version ``to`` the program again; everything adopted since is never confirmed again. Returns ``to``.

    Raises:
        UsageError: no such version, or it is the current one.
    """
    if not 0 <= to < len(life.state.versions) or life.state.versions[to].rolled_back:
        raise UsageError(f"there is no version {to} to go back to", advice="`selfproof log` lists the versions.")
    if to == life.state.current:
        raise UsageError(f"version {to} is the program already")
    undone = [v.number for v in life.state.versions if v.number > to and not v.rolled_back]
    target = life.state.versions[to]
    leaf = life.log(
        "rollback",
        {"from": life.state.current, "to": to, "undone": undone, "tree": target.tree, "reason": reason, "by": by},
        durable=True,
    )
    repo.commit(life.tree, life.files(), f"rollback to version {to}: {reason}\n", leaf.time)
    return to
