"""What a charter and its tasks must be before a life may begin or go on with them: able to keep their promises."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from selfproof import charter as charters
from selfproof import levels
from selfproof.certify import spending
from selfproof.charter import Charter
from selfproof.ledger.witness_http import Asked
from selfproof.nouns import UsageError


def check(charter: Charter, paths: Iterable[str], body: Mapping[str, Any]) -> None:
    """Refuse what could hold no promise; ``body`` is the entry that is about to say it, ``paths`` the program's files.

    Raises:
        UsageError: two objectives own one file, or use one finite hold-out, a ``loss_rate`` can never be
            shown, or the autonomy names an objective that is not there.
    """
    charters.check_owners(charter.objectives, paths)
    for line in charter.ledger.witnesses:
        try:
            Asked.parse(line)
        except ValueError as error:
            raise UsageError(f"charter: [ledger] witnesses: {error}", advice='Write "https://ADDRESS KEY".') from None
    if reason := levels.shared_holdout(body["pools"]):
        raise UsageError(
            reason, advice="Give each its own items: what one is told of them, the other's levels do not pay for."
        )
    autonomy = charter.autonomy
    for name in (*autonomy.observe, *autonomy.approve):
        charter.objective(name)
    if charter.asks_people and not autonomy.approvers:
        raise UsageError(
            "the charter asks for approval, but [autonomy] names no approvers",
            advice='Write `approvers = "allowed_signers"`, and into that file beside the charter a line for each: '
            "NAME, a space, and their public SSH key.",
        )
    for objective in charter.objectives:
        rate, pool = objective.loss_rate, body["pools"][objective.name]
        if rate == 1 or charter.certify.test != "bet" or levels.is_whole(pool):
            continue
        alpha, weight = body["alpha"], body["weights"][objective.name]
        level = spending.holdout_level(alpha, weight, pool["lifetime"], 0) if pool else spending.level(alpha, weight, 1)
        pairs, each = pool["items"] if pool else body["confirm_pairs"], math.log1p(0.9 * rate / (1 - rate))
        if each * pairs < -math.log(level):
            raise UsageError(
                f"objective {objective.name}: {pairs} pairs without any loss cannot show a loss_rate of {rate}",
                advice=f"Above {_least_rate(pairs, level):.2g} its first confirmation can; or a preset or a hold-out "
                "with more pairs.",
            )


def _least_rate(pairs: int, level: float) -> float:
    """The loss rate below which ``pairs`` without a loss do not reach ``level``."""
    odds = math.expm1(-math.log(level) / pairs) / 0.9
    return odds / (1 + odds)
