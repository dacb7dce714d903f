"""The certificate of a confirmation, in words and numbers. It describes; nothing is decided by it."""

from __future__ import annotations

from selfproof.archive.state import Confirming
from selfproof.certify import effect as effects
from selfproof.certify.gate import Verdict
from selfproof.domains.base import Domain, Finalist
from selfproof.levels import is_whole
from selfproof.life import Life
from selfproof.nouns import Certificate
from selfproof.trial.task import Task

ASSUMES = (
    "the tasks are what the user cares about",
    "no state is carried from one pair to the next (each version answers each pair in a process of its own)",
    "the harness and its keys are outside the candidate's reach (see the tier)",
    "better means the clipped mean, which is the typical case",
)

EXACT = "the samples are all there is; what repeats twice repeats always"
SINGLE_LOSSES = ("losses on single samples that gains on others make up for",)
HOLDOUT = (
    "the hold-out's items are independent draws from what the user cares about",
    "whoever proposes has learned of each earlier confirmation only whether it led to an adoption",
)


def certificate(
    life: Life, domain: Domain, finalist: Finalist, confirming: Confirming, verdict: Verdict, answer: str,
    reason: str, tier: str,
) -> Certificate:  # fmt: skip
    """What the pairs say about a candidate, and under which conditions."""
    objective, body = domain.objective, confirming.body
    rule = body["rule"]
    task = life.tasks[objective.name]
    less = "less" if objective.better == "lower" else "more"
    claim = f"on fresh samples of {objective.name} this version has typically {less} {objective.metric}"
    if objective.kind == "speed":
        claim = f"on fresh inputs {finalist.notes.get('function', objective.entry)} gives equal outputs in less time"
    blind = effects.blind_spot(verdict.pairs, rule["level"])
    not_covered = [f"losses in fewer than {blind:.1%} of runs"]
    assumes: tuple[str, ...] = ASSUMES
    if is_whole(body["pool"]):
        claim = f"on all {body['pool']['items']} samples of {objective.name} together this version has {less} "
        claim += objective.metric
        not_covered, assumes = ["anything but these samples", *SINGLE_LOSSES], (*ASSUMES[:-1], EXACT)
    elif body["pool"] is not None:
        claim = claim.replace("fresh samples", "samples like those of the hold-out")
        assumes = (*ASSUMES, *HOLDOUT)
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
        not_covered=tuple(not_covered), assumes=assumes, granted=life.limits_of(objective).grants.lines(),
    )  # fmt: skip
