"""Watch an adopted change on pairs that no decision has seen."""

from __future__ import annotations

import math
from typing import Any

from selfproof.archive.evidence import pack
from selfproof.certify import effect as effects
from selfproof.certify.pairs import pair_of
from selfproof.domains.base import Domain, Finalist, Measured
from selfproof.life import Life
from selfproof.nouns import Decision

CANARY_PAIRS = {"quality": 30, "speed": 12}


def canary(life: Life, domain: Domain, finalist: Finalist, decision: Decision) -> dict[str, Any]:
    """How large the gain is, from pairs that no decision has seen."""
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
