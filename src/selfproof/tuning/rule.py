"""What a confirmation of weights is tested by: one computation, for the engine and for the auditor.

New weights have a counter of their own, with a share of alpha as an objective that a person adds later: half of what is
left, fixed at the first such confirmation. So the claim about a whole life stays what it was (docs/gate.md): the chance
of even one false certificate, of a change or of weights, is at most alpha.

Does not protect against: what a pair's score leaves out (`NOT_COVERED`).
"""

from __future__ import annotations

from collections.abc import Sequence

from selfproof.archive.state import MODEL_COUNTER, State
from selfproof.certify import spending
from selfproof.certify.scale import robust_scale
from selfproof.certify.terms import Rule
from selfproof.levels import OLD_PAIRS

RACED = 6
"""Pairs on search seeds, which freeze the scale; weights that do not lead in them cost no alpha."""
SPAN = 2.0
NOT_COVERED = (
    "versions that the archive did not hold when it began, and objectives of speed",
    "larger gains that are found more rarely: the claim is about the clipped mean",
    "the time and memory that the weights take",
)


def weight_of(state: State) -> float:
    """The share of alpha of all confirmations of weights."""
    return state.weights.get(MODEL_COUNTER) or (1.0 - sum(state.weights.values())) / 2


def next_rule(state: State, differences: Sequence[float]) -> tuple[int, float, Rule]:
    """k, the weight and the rule of the confirmation of weights that starts now; ``differences`` are its race's.

    In both modes at the level of ``fwer``, which mode ``fdr`` would only raise.
    """
    k, weight = state.counters.get(MODEL_COUNTER, 0) + 1, weight_of(state)
    level = spending.level(state.charter["alpha"], weight, k)
    most = int(state.charter.get("confirm_pairs", OLD_PAIRS))
    return k, weight, Rule(level, robust_scale(differences, declared_range=SPAN), most, span=SPAN)


def leads(differences: Sequence[float]) -> bool:
    """Whether weights lead in their race, so that they are worth a confirmation."""
    return len(differences) == RACED and sum(differences) > 0.0


def incumbent_of(state: State, candidate: str) -> str:
    """What weights are judged against: those certified last, else those that they were made from."""
    return state.model or str(state.tuned[candidate]["base"])
