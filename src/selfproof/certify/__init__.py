"""The gate: pairs in, verdict out. Pure functions of values, from the standard library; see ``gate`` for the claim.

What is named here stays; more may be added. A whole experiment, looked at after every pair:

>>> import random
>>> from selfproof.certify import Confirmation, Pair, Rule, blind_spot, median_sequence, robust_scale
>>> rng = random.Random(7)
>>> def fresh_pair():  # your two runs, on one new sample that neither was chosen or tuned on; lower is better here
...     sample = rng.gauss(2.0, 0.3)
...     incumbent, candidate = sample + rng.gauss(0, 0.02), sample - 0.025 + rng.gauss(0, 0.02)
...     return incumbent - candidate  # above 0: the candidate is better

The scale comes first, from pairs that are then dropped, and does not change any more:

>>> scale = robust_scale([fresh_pair() for _ in range(8)], declared_range=1.0)
>>> gate = Confirmation(Rule(level=0.05, scale=scale, most_pairs=150))
>>> while gate.verdict.answer == "undecided":
...     verdict = gate.add(Pair(fresh_pair()))
>>> verdict.answer, verdict.reason, verdict.pairs
('certified', 'the bet reached its line', 25)

Which losses so few pairs cannot exclude; and how large the gain is, from pairs that did not decide:

>>> print(f"{blind_spot(verdict.pairs, 0.05):.0%}")
11%
>>> found = median_sequence([fresh_pair() for _ in range(40)])
>>> print(f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]")
0.023 [0.003, 0.052]

For a metric that is a mean give each pair its single draws and the rule a margin: ``Pair(y, parts)``, ``Rule(...,
margin=0.02, span=1.0)``. For the k-th of many candidates, ``Rule(level=level(0.05, 1.0, k), ...)``: then the chance
that even one of them is certified wrongly is at most .05.
"""

from selfproof.certify.betting import Wealth, log_wealth
from selfproof.certify.effect import (
    Estimate,
    Pairing,
    blind_spot,
    mean_interval,
    mean_sequence,
    median_interval,
    median_sequence,
    pairing,
)
from selfproof.certify.gate import Confirmation
from selfproof.certify.guards import judge_guard
from selfproof.certify.judging import judge
from selfproof.certify.pairs import quality_pair, speed_pair
from selfproof.certify.scale import robust_scale
from selfproof.certify.spending import gamma, holdout_level, level
from selfproof.certify.terms import GuardResult, Pair, Rule, Verdict

__all__ = [
    "Confirmation",
    "Estimate",
    "GuardResult",
    "Pair",
    "Pairing",
    "Rule",
    "Verdict",
    "Wealth",
    "blind_spot",
    "gamma",
    "holdout_level",
    "judge",
    "judge_guard",
    "level",
    "log_wealth",
    "mean_interval",
    "mean_sequence",
    "median_interval",
    "median_sequence",
    "pairing",
    "quality_pair",
    "robust_scale",
    "speed_pair",
]
