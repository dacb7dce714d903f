"""Watch an adopted change on pairs that no decision has seen."""

from __future__ import annotations

import math
from typing import Any

from selfproof.archive.evidence import pack, unpack
from selfproof.archive.state import Confirming
from selfproof.certify import effect as effects
from selfproof.certify.pairs import pair_of
from selfproof.domains.base import Domain, Finalist, Measured
from selfproof.levels import effect_from, is_whole
from selfproof.life import Life
from selfproof.nouns import Decision

CANARY_PAIRS = {"quality": 30, "speed": 12}


def canary(life: Life, domain: Domain, finalist: Finalist, decision: Decision) -> dict[str, Any]:
    """How large the gain is, from pairs that no decision has seen where there are any."""
    confirming = next(c for c in life.state.confirmations.values() if c.version == decision.version)
    if confirming.body["pool"] is not None:
        return own_pairs(life, domain, confirming, decision)
    drawn = [
        life.fresh_seed("canary", finalist.candidate.id, decision.version, j)
        for j in range(CANARY_PAIRS[domain.objective.kind])
    ]
    measured: Measured = domain.measure(finalist, drawn)
    ys = [pair_of(domain.objective.kind, domain.objective.better, row).y for row in measured.rows]
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


def own_pairs(life: Life, domain: Domain, confirming: Confirming, decision: Decision) -> dict[str, Any]:
    """The effect of a change that was confirmed on a finite pool, which has no fresh pairs to offer, and says so.

    On a whole population it is the exact difference.
    """
    rows = [row for digest in confirming.evidence for row in unpack(life.ledger.get_blob(digest))[1]]
    whole = is_whole(confirming.body["pool"])
    rows = rows[: confirming.body["pool"]["items"]]  # a whole population was run twice
    found = effects.mean_interval([pair_of(domain.objective.kind, domain.objective.better, row).y for row in rows])
    effect = {"kind": "difference", "value": found.value, "interval": [found.value] * 2 if whole else
              [found.low, found.high], "pairs": found.n, "from": effect_from(confirming.body["pool"])}  # fmt: skip
    pairs = life.blob(pack({"version": decision.version}, rows))
    life.log("canary", {"version": decision.version, "effect": effect, "trials": 0, "pairs": pairs})
    return effect
