"""Search strategies side by side on a real program: the apprentice's memory, at equal numbers of candidates.

Each search is a life of its own in a scratch folder, the same for all strategies of a seed but for the choice of
parents: the same start, panels, improver and races. Nothing is confirmed or adopted. What the search holds to be the
best in the end is then measured on the report split, which no search sees, on the same blocks for all of a seed.

Does not show: what a strategy is worth where other improvers propose, or another program is improved.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof import birth, life
from selfproof.archive.strategies import DEFAULT, NAMES, named
from selfproof.certify.effect import mean_interval
from selfproof.domains import paired
from selfproof.domains.base import admitted
from selfproof.domains.quality import Quality
from selfproof.nouns import Candidate
from selfproof.simulate.searching import Progress
from selfproof.trial import blocks as trials

OBJECTIVE = "memory"
BLOCKS = 24
IDLE = 8  # turns without a new candidate, after which a search has nothing left to try


@dataclass(frozen=True)
class Contest:
    """Which strategies meet: ``seeds`` searches of ``candidates`` candidates each."""

    strategies: tuple[str, ...] = NAMES
    candidates: int = 600
    seeds: int = 3
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The strategies, the default first: everything is compared with it."""
        return (DEFAULT, *(name for name in dict.fromkeys(self.strategies) if name != DEFAULT))


@dataclass(frozen=True)
class Searched:
    """What one search came to: bits per character of the start and of its best on the report split, both lower better.

    ``claimed`` is what the search's own panel says of that best; ``nodes`` how many versions its population holds.
    """

    start: float
    true: float
    claimed: float
    nodes: int
    candidates: int


def hold(contest: Contest, *, progress: Progress = lambda done, total: None) -> Iterator[dict[str, Any]]:
    """One row for each strategy in the end: what ``--json`` prints of it.

    Raises:
        UsageError: a strategy that is not known.
    """
    for name in contest.names:
        named(name)
    found: dict[str, list[Searched]] = {name: [] for name in contest.names}
    seeds = range(contest.seed * 1_000_003, contest.seed * 1_000_003 + contest.seeds)
    done = 0
    for seed in seeds:  # seed by seed, so that what a busy machine does to one strategy it does to all
        for name in contest.names:
            found[name].append(search(name, seed, contest.candidates))
            done += 1
            progress(done, len(contest.names) * contest.seeds)
    yield from table(found)


def search(strategy: str, seed: int, candidates: int) -> Searched:
    """One search on the apprentice's memory."""
    with tempfile.TemporaryDirectory(prefix="selfproof-bench-") as scratch:
        folder = Path(scratch) / "life"
        birth.make(folder, seed=seed)
        with life.opened(folder, seed=seed) as living:
            living.strategy = strategy
            domain = Quality(living, living.charter.objective(OBJECTIVE))
            _go(domain, candidates)
            best = domain.population.best
            return _measured(domain, Candidate(best.id, OBJECTIVE, domain.files_of(best.id) or {}), seed)


def _go(domain: Quality, candidates: int) -> None:
    idle = 0
    while domain.evaluated < candidates and idle < IDLE:
        before, focus = domain.evaluated, domain.observe()
        edits = domain.propose(focus) if focus is not None else []
        new, _ = admitted(domain.life, domain.objective, edits, domain.files_of)
        for _ in domain.race(new[: candidates - domain.evaluated]):
            pass
        idle = idle + 1 if domain.evaluated == before else 0
    domain.observe()  # what is handed over was scored on the newest panel


def _measured(domain: Quality, best: Candidate, seed: int) -> Searched:
    start = domain.life.version(domain.objective, 0)
    fresh = trials.prepare(domain.task.samples("report", domain.life.search_seed("bench", seed) % 2**63, BLOCKS))
    rows = paired.on_blocks(domain.life, (start, best), domain.task, fresh).rows
    half = len(rows[0]) // 2
    first, last = (statistics.fmean(value for row in rows for value in row[part])
                   for part in (slice(half), slice(half, None)))  # fmt: skip
    return Searched(first, last, domain.population.best.score, len(domain.population.members), domain.evaluated)


def table(found: Mapping[str, Sequence[Searched]]) -> Iterator[dict[str, Any]]:
    """One row for each strategy; gains and differences in bits per character, above 0 is better.

    Intervals are Student's over searches, 95%, one at a time; None for a single search.
    """
    default = found[DEFAULT]
    for name, searched in found.items():
        yield {
            "strategy": name,
            "true": _figure([one.true for one in searched]),
            "gain": _figure([one.start - one.true for one in searched]),
            "difference": None if name == DEFAULT else _figure(
                [a.true - b.true for a, b in zip(default, searched, strict=True)]
            ),
            "claimed": statistics.fmean(one.claimed for one in searched),
            "nodes": statistics.fmean(one.nodes for one in searched),
            "candidates": statistics.fmean(one.candidates for one in searched),
            "searches": len(searched),
        }  # fmt: skip


def _figure(values: Sequence[float]) -> dict[str, Any]:
    if len(values) < 2:
        return {"mean": values[0], "interval": None}
    found = mean_interval(values)
    return {"mean": found.value, "interval": [found.low, found.high]}
