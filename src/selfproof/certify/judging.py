"""Which gate a rule asks for, and the verdict on recorded pairs: what an auditor recomputes.

Does not protect against: what the gate that it opens does not protect against.
"""

from __future__ import annotations

from collections.abc import Sequence

from selfproof.certify.exact import Exact
from selfproof.certify.gate import Confirmation
from selfproof.certify.terms import Gate, Pair, Rule, Verdict
from selfproof.certify.uncertified import Uncertified


def gate_for(rule: Rule) -> Gate:
    """A gate that follows ``rule``, before its first pair.

    Raises:
        ValueError: the rule is impossible.
    """
    if rule.test == "bet":
        return Confirmation(rule)
    return Exact(rule) if rule.test == "exact" else Uncertified(rule)


def judge(rule: Rule, pairs: Sequence[Pair]) -> Verdict:
    """The verdict on ``pairs``, taken in order up to the first that decides."""
    gate = gate_for(rule)
    for pair in pairs:
        verdict = gate.add(pair)
        if verdict.answer != "undecided":
            return verdict
    return gate.verdict
