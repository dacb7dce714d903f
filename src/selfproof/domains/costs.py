"""Whether a version needs more CPU than its charter allows: what a busy machine adds to a run is no cost of it.

Processor time is only ever lengthened by others: by caches that they emptied, by interrupts that are charged to whoever
runs. So each version counts with the least that a job took, of several runs in turn with the anchor; and nothing is
refused before all of it was repeated twice more.

Does not protect against: a version that costs more on inputs that the samples do not hold.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.life import Life
from selfproof.nouns import Candidate
from selfproof.trial import blocks as trials

LOOKS = 3
"""Before a refusal the measurement is made so often; the first ratio within the limit ends it."""
RUNS = 5
"""Runs of each job at a look, where runs are cheap."""
CHEAP_S = 2.0
"""Where runs are dear there are fewer at a look: no further one once all together took so much CPU."""


def refusal(
    life: Life, objective: Objective, candidate: Candidate, part: Sequence[trials.Block], *, alone: bool = False
) -> str | None:
    """The reason to refuse a version that costs more than ``max_cost`` times the anchor's CPU on these blocks, or None.

    ``alone``: each block is a job of its own, as where runs are dear, and the median of the blocks counts.
    """
    limits, most = life.limits_of(objective), objective.max_cost
    groups = [[block] for block in part] if alone else [part]
    versions = (life.version(objective, life.state.anchor), candidate)
    jobs = [trials.job(v.files, objective.entry, blocks, limits) for blocks in groups for v in versions]
    least = [float("inf")] * len(jobs)
    usual = cost = 0.0
    for _ in range(LOOKS):
        spent = 0.0
        for _ in range(RUNS):
            took = [outcome.cpu_seconds for outcome in paired.run(life, jobs)]
            least = [min(a, b) for a, b in zip(least, took, strict=True)]
            spent += sum(took)
            if alone and spent >= CHEAP_S:
                break
        usual, cost = (statistics.median(least[i::2]) for i in (0, 1))
        if cost <= most * usual:
            return None
    return f"it needs {cost / max(usual, 1e-9):.1f} times the anchor's CPU, allowed are {most:g}"
