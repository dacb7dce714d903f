"""What the gate said to changes whose true effect is known, and how stated predictions came out."""

from __future__ import annotations

import math
from typing import Any

from selfproof.archive.evidence import unpack
from selfproof.archive.state import Confirming
from selfproof.certify.judging import gate_for
from selfproof.certify.pairs import pair_of
from selfproof.certify.terms import Rule
from selfproof.viewing.seen import View

LINES = (2, 5, 10, 20, 100)
PLACEBOS = ("aa", "placebo")


def told(seen: View, confirming: Confirming) -> dict[str, Any]:
    """One control: what it was, what came out, whether its versions ever differed, and its bet's largest wealth."""
    body = confirming.body
    gate = gate_for(Rule(**body["rule"]))
    wealth, differs = [0.0], False
    for digest in confirming.evidence:
        for row in unpack(seen.blob(digest))[1]:
            pair = pair_of(body["kind"], body["better"], row)
            differs = differs or pair.y != 0.0 or any(pair.parts)
            wealth.append(gate.add(pair).log_wealth)
    return {
        "confirmation": confirming.id, "name": confirming.control, "objective": body["objective"],
        "title": body["title"], "answer": (confirming.verdict or {}).get("answer"), "pairs": len(wealth) - 1,
        "e_value": math.exp(wealth[-1]), "largest": math.exp(max(wealth)), "differs": differs,
    }  # fmt: skip


def reached(nulls: list[dict[str, Any]]) -> list[dict[str, float]]:
    """For some lines x the number of placebos' bets that ever reached x, and how many noise allows on average."""
    return [{"line": x, "reached": sum(r["largest"] >= x for r in nulls), "at_most": len(nulls) / x} for x in LINES]


def predictions(seen: View) -> dict[str, Any]:
    """How edits that stated what they would do came out."""
    found = [(c.certificate or {}).get("prediction") for c in seen.state.confirmations.values()]
    said = [one for one in found if one]
    return {"n": len(said), "inside": sum(one["inside"] for one in said), "all": said}
