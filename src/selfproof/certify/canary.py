"""After an adoption: is the new version worse than the one before it, on pairs that no decision has seen?

The bet of the gate turned round, ``W_n = (1/8) sum_l prod (1 - l z_j)``, at level ``.01 * gamma_a`` for the a-th
adoption: over the whole life, the chance that even one change that is no worse is taken back is at most .01. It ends
at a number of pairs that is fixed before; going on after the first pairs costs nothing, since the bound holds at
every look.

Does not protect against: a change that is worse only after the last pair was drawn, or in a way no pair measures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from selfproof.certify.betting import Wealth
from selfproof.certify.scale import clipped
from selfproof.certify.spending import gamma

LIFETIME = 0.01
SUSPICION = math.log(3.0)


def canary_level(adoption: int) -> float:
    """The level of the canary of the adoption with this number (1, 2, ...)."""
    return LIFETIME * gamma(adoption)


def judge_canary(
    differences: Sequence[float], scale: float, level: float, most: int
) -> tuple[Literal["kept", "rollback", "more"], float]:
    """The answer on these fresh differences (positive: the new version is better), and the final log-wealth.

    "more" asks for more pairs: the wealth against the new version is past 3, and there are fewer than ``most``.
    """
    wealth = Wealth()
    for y in differences:
        wealth.bet(-clipped(y, scale))
        if wealth.log >= -math.log(level):
            return "rollback", wealth.log
    suspicious = wealth.log >= SUSPICION and len(differences) < most
    return ("more" if suspicious else "kept"), wealth.log
